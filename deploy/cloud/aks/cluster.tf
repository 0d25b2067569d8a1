resource "azurerm_resource_group" "this" {
  name     = var.name
  location = var.location
}

resource "azurerm_virtual_network" "this" {
  name                = var.name
  location            = azurerm_resource_group.this.location
  resource_group_name = azurerm_resource_group.this.name
  address_space       = ["10.42.0.0/16"]
}

resource "azurerm_subnet" "nodes" {
  name                 = "nodes"
  resource_group_name  = azurerm_resource_group.this.name
  virtual_network_name = azurerm_virtual_network.this.name
  address_prefixes     = ["10.42.0.0/20"]
}

resource "azurerm_kubernetes_cluster" "this" {
  name                              = var.name
  location                          = azurerm_resource_group.this.location
  resource_group_name               = azurerm_resource_group.this.name
  dns_prefix                        = var.name
  sku_tier                          = "Standard"
  automatic_upgrade_channel         = "patch"
  role_based_access_control_enabled = true

  default_node_pool {
    name                 = "cpu"
    vm_size              = var.cpu_vm_size
    vnet_subnet_id       = azurerm_subnet.nodes.id
    zones                = var.zones
    auto_scaling_enabled = true
    min_count            = var.cpu_nodes.min
    max_count            = var.cpu_nodes.max
    upgrade_settings {
      max_surge = "1"
    }
  }

  identity {
    type = "SystemAssigned"
  }

  network_profile {
    network_plugin      = "azure"
    network_plugin_mode = "overlay"
    network_data_plane  = "cilium"
    network_policy      = "cilium" # keeps network policies
    pod_cidr            = "10.244.0.0/16"
    service_cidr        = "10.43.0.0/16"
    dns_service_ip      = "10.43.0.10"
  }

  api_server_access_profile {
    authorized_ip_ranges = var.admin_cidrs
  }

  lifecycle {
    ignore_changes = [default_node_pool[0].node_count] # the autoscaler's
  }
}

resource "azurerm_kubernetes_cluster_node_pool" "gpu" {
  name                  = "gpu"
  kubernetes_cluster_id = azurerm_kubernetes_cluster.this.id
  vm_size               = var.gpu_vm_size
  vnet_subnet_id        = azurerm_subnet.nodes.id
  node_count            = var.gpu_nodes
  os_disk_size_gb       = 128 # NVIDIA's Triton image alone takes some 20 GB
  node_taints           = ["nvidia.com/gpu=present:NoSchedule"]
}
