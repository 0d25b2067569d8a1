resource "aws_ecr_repository" "image" {
  for_each             = toset(["gateway", "frontend", "decoder", "triton"])
  name                 = "amira-${each.key}"
  image_tag_mutability = "IMMUTABLE"
  image_scanning_configuration {
    scan_on_push = true
  }
}
