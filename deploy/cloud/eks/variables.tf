variable "name" {
  description = "Name of the cluster, and prefix of all that belongs to it."
  type        = string
  default     = "amira"
}

variable "region" {
  description = "AWS region."
  type        = string
  default     = "us-east-1"
}

variable "kubernetes_version" {
  description = "Kubernetes minor version; side-cars need 1.29 or newer."
  type        = string
  default     = "1.34"
}

variable "admin_cidrs" {
  description = "Networks from which the cluster's API can be reached."
  type        = list(string)

  validation {
    condition     = length(var.admin_cidrs) > 0 && !contains(var.admin_cidrs, "0.0.0.0/0")
    error_message = "Name the networks that you work from, not the whole internet."
  }
}

variable "cpu_instance_type" {
  description = "Nodes of all services. m7i, c7i and newer have AMX, which the int8 engine needs to be fast."
  type        = string
  default     = "m7i.2xlarge"
}

variable "cpu_nodes" {
  description = "Fewest, first and most CPU nodes."
  type        = object({ min = number, desired = number, max = number })
  default     = { min = 2, desired = 2, max = 6 }
}

variable "gpu_instance_type" {
  description = "Nodes for the prod-gpu overlay."
  type        = string
  default     = "g6.xlarge"
}

variable "gpu_nodes" {
  description = "GPU nodes; 0: the pool is there, and costs nothing."
  type        = number
  default     = 0
}

# List prices in USD per hour, us-east-1, on demand, Linux. Taken on 2026-11-23 from third parties' tables, since the
# pages themselves could not be read: check them before you rely on the estimate.
variable "usd_per_hour" {
  description = "Prices of which output `usd_per_month` is made."
  type        = object({ cluster = number, cpu_node = number, gpu_node = number, nat_gateway = number })
  default = {
    cluster     = 0.10   # https://aws.amazon.com/eks/pricing/, in standard support
    cpu_node    = 0.4032 # m7i.2xlarge, https://aws.amazon.com/ec2/pricing/on-demand/
    gpu_node    = 0.8048 # g6.xlarge (one L4), the same page
    nat_gateway = 0.045  # https://aws.amazon.com/vpc/pricing/, without its traffic
  }
}
