"""Vision Mamba: sizes, float model, quantization, integer execution."""
