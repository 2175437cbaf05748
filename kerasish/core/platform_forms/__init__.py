"""Convolution and pooling written the way each platform compiles well, chosen when a program is lowered."""
