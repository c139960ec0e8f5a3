"""What is made of a semantic segmentation."""
