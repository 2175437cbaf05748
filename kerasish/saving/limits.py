"""What a file may ask for, in one place; assign to these names to load files that need more for a reason.

Example:
    >>> from kerasish.saving import limits
    >>> limits.CONFIG_BYTES = 1 << 30
"""

# HDF5 files: members and levels of groups.
MEMBERS = 1_000_000
DEPTH = 100
# What is compared with no variable may be as large as this, or this many times what it takes on the disk.
FREE_BYTES = 64 * 2**20
EXPANSION = 100
# An attribute (names of layers, configuration of a model) may be as large as this.
ATTRIBUTE_BYTES = 256 * 2**20

# Archives: members, and bytes of all assets together.
ARCHIVE_MEMBERS = 10_000
ASSET_BYTES = 8 * 2**30

# Configurations of models: characters, levels of nesting, and values.
CONFIG_BYTES = 256 * 2**20
CONFIG_DEPTH = 200
CONFIG_VALUES = 5_000_000

# The variables of a model that is made from a file may take as many times the size of its weights in the file, for
# optimizers whose state is not in it, and this much in any case.
VARIABLES_EXPANSION = 8
VARIABLES_BYTES = 256 * 2**20
# The variables of a model that is made from its description alone may take this much: more than any model of
# `kerasish.applications` does.
DESCRIBED_BYTES = 2 * 2**30
