"""What the AXI4 specification says of every port."""

WIDTHS = (32, 64, 128, 256, 512, 1024)  # bits of data; the specification has 8 and 16 too
WIDTH_RULE = "an AXI width of 32 to 1024 bit"
PAGE = 4096  # bytes; no burst crosses such a boundary
