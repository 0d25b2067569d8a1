resource "google_artifact_registry_repository" "images" {
  repository_id = var.name
  location      = var.region
  format        = "DOCKER"
  docker_config {
    immutable_tags = true
  }
}

# For the gateways' load balancer: write it into the Service as loadBalancerIP, and into DNS.
resource "google_compute_address" "gateway" {
  name = "${var.name}-gateway"
}
