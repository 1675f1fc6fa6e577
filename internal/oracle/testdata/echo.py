"""Write the arguments back, or fail when there are none."""
import sys

if len(sys.argv) == 1:
    sys.exit("echo: nothing to say")
print(" ".join(sys.argv[1:]))
