"""The ground floor: state, symbolic graphs, dtypes, names and registries that everything else stands on."""
