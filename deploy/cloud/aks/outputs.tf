output "kubeconfig_command" {
  description = "Points kubectl at the cluster."
  value       = "az aks get-credentials --resource-group ${azurerm_resource_group.this.name} --name ${azurerm_kubernetes_cluster.this.name}"
}

output "registry" {
  description = "Prefix of the images: push amira-gateway and the others below it."
  value       = azurerm_container_registry.images.login_server
}

output "gateway_address" {
  description = "The address that clients will reach."
  value       = azurerm_public_ip.gateway.ip_address
}

output "usd_per_month" {
  description = "List prices of what runs all the time, 730 hours: without traffic, disks, load balancers and taxes."
  value = 730 * (
    var.usd_per_hour.cluster + var.cpu_nodes.min * var.usd_per_hour.cpu_node +
    var.gpu_nodes * var.usd_per_hour.gpu_node
  )
}
