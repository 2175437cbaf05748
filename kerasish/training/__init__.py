"""The training engine: sources of data, compiled steps, and the loops of fit, evaluate and predict."""
