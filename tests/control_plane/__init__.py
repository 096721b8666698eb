"""A real control plane of Kubernetes with pods by KWOK, and what the receiver does on it."""
