variable "project" {
  description = "Google Cloud project, with the Kubernetes Engine and Artifact Registry APIs enabled."
  type        = string
}

variable "name" {
  description = "Name of the cluster, and prefix of all that belongs to it."
  type        = string
  default     = "amira"
}

variable "region" {
  description = "Region; nodes are spread over its zones."
  type        = string
  default     = "us-central1"
}

variable "zones" {
  description = "Zones of the nodes. Each has as many as `cpu_nodes_per_zone` says."
  type        = list(string)
  default     = ["us-central1-a", "us-central1-b"]
}

variable "admin_cidrs" {
  description = "Networks from which the cluster's API can be reached."
  type        = list(string)

  validation {
    condition     = length(var.admin_cidrs) > 0 && !contains(var.admin_cidrs, "0.0.0.0/0")
    error_message = "Name the networks that you work from, not the whole internet."
  }
}

variable "cpu_machine_type" {
  description = "Nodes of all services. c3 and newer Intel types have AMX, which the int8 engine needs to be fast."
  type        = string
  default     = "c3-standard-8"
}

variable "cpu_nodes_per_zone" {
  description = "Fewest and most CPU nodes in each zone."
  type        = object({ min = number, max = number })
  default     = { min = 1, max = 3 }
}

variable "gpu_machine_type" {
  description = "Nodes for the prod-gpu overlay."
  type        = string
  default     = "g2-standard-4"
}

variable "gpu_type" {
  description = "The GPU of that machine type."
  type        = string
  default     = "nvidia-l4"
}

variable "gpu_nodes" {
  description = "GPU nodes, in the first zone; 0: the pool is there, and costs nothing."
  type        = number
  default     = 0
}

# List prices in USD per hour, us-central1, on demand. Taken on 2026-11-23 from third parties' tables, since the machine
# types' page itself could not be read: check it before you rely on the estimate. Of the cpu_node the tables differ
# by 3 %.
variable "usd_per_hour" {
  description = "Prices of which output `usd_per_month` is made."
  type        = object({ cluster = number, cpu_node = number, gpu_node = number })
  default = {
    cluster  = 0.10 # https://cloud.google.com/kubernetes-engine/pricing
    cpu_node = 0.42 # c3-standard-8, https://cloud.google.com/compute/vm-instance-pricing
    gpu_node = 0.71 # g2-standard-4 (one L4), the same page
  }
}
