output "kubeconfig_command" {
  description = "Points kubectl at the cluster."
  value       = "aws eks update-kubeconfig --region ${var.region} --name ${aws_eks_cluster.this.name}"
}

output "registry" {
  description = "Prefix of the images: push amira-gateway and the others below it."
  value       = split("/", aws_ecr_repository.image["gateway"].repository_url)[0]
}

output "usd_per_month" {
  description = "List prices of what runs all the time, 730 hours: without traffic, disks, load balancers and taxes."
  value = 730 * (
    var.usd_per_hour.cluster + var.usd_per_hour.nat_gateway +
    var.cpu_nodes.desired * var.usd_per_hour.cpu_node + var.gpu_nodes * var.usd_per_hour.gpu_node
  )
}
