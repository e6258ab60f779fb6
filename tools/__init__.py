"""What keeps the repository in order and what makes its generated parts."""
