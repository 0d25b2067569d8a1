output "kubeconfig_command" {
  description = "Points kubectl at the cluster."
  value       = "gcloud container clusters get-credentials ${google_container_cluster.this.name} --region ${var.region} --project ${var.project}"
}

output "registry" {
  description = "Prefix of the images: push amira-gateway and the others below it."
  value       = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.images.repository_id}"
}

output "gateway_address" {
  description = "The address that clients will reach."
  value       = google_compute_address.gateway.address
}

output "usd_per_month" {
  description = "List prices of what runs all the time, 730 hours: without traffic, disks, load balancers and taxes."
  value = 730 * (
    var.usd_per_hour.cluster + var.gpu_nodes * var.usd_per_hour.gpu_node +
    length(var.zones) * var.cpu_nodes_per_zone.min * var.usd_per_hour.cpu_node
  )
}
