variable "subscription_id" {
  description = "Azure subscription."
  type        = string
}

variable "name" {
  description = "Name of the cluster, and prefix of all that belongs to it."
  type        = string
  default     = "amira"
}

variable "registry_name" {
  description = "Name of the container registry: letters and digits, one of a kind in all of Azure."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z0-9]{5,50}$", var.registry_name))
    error_message = "5 to 50 letters and digits."
  }
}

variable "location" {
  description = "Azure region."
  type        = string
  default     = "eastus"
}

variable "zones" {
  description = "Availability zones of the nodes."
  type        = list(string)
  default     = ["1", "2"]
}

variable "admin_cidrs" {
  description = "Networks from which the cluster's API can be reached."
  type        = list(string)

  validation {
    condition     = length(var.admin_cidrs) > 0 && !contains(var.admin_cidrs, "0.0.0.0/0")
    error_message = "Name the networks that you work from, not the whole internet."
  }
}

variable "cpu_vm_size" {
  description = "Nodes of all services. The v6 sizes by Intel have AMX, which the int8 engine needs to be fast."
  type        = string
  default     = "Standard_D8s_v6"
}

variable "cpu_nodes" {
  description = "Fewest and most CPU nodes."
  type        = object({ min = number, max = number })
  default     = { min = 2, max = 6 }
}

variable "gpu_vm_size" {
  description = "Nodes for the prod-gpu overlay."
  type        = string
  default     = "Standard_NC4as_T4_v3"
}

variable "gpu_nodes" {
  description = "GPU nodes; 0: the pool is there, and costs nothing."
  type        = number
  default     = 0
}

# List prices in USD per hour, East US, pay as you go, Linux. Taken on 2026-11-23 from third parties' tables, since the
# pages themselves could not be read: check them before you rely on the estimate. The cpu_node is uncertain: the
# tables have D8s_v5 (0.384), and v6 is put 5 % above it.
variable "usd_per_hour" {
  description = "Prices of which output `usd_per_month` is made."
  type        = object({ cluster = number, cpu_node = number, gpu_node = number })
  default = {
    cluster  = 0.10  # Standard tier, https://azure.microsoft.com/pricing/details/kubernetes-service/
    cpu_node = 0.403 # Standard_D8s_v6, https://azure.microsoft.com/pricing/details/virtual-machines/linux/
    gpu_node = 0.526 # Standard_NC4as_T4_v3 (one T4), the same page
  }
}
