"""Autoscaling shown on one machine: the cluster's rule, real decoders, real streams of speech."""
