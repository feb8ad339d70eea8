"""Why a number is what it is: gradients, values and updates as the sums and products that made them."""
