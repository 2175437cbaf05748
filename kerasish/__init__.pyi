from kerasish import (
    activations as activations,
)
from kerasish import (
    applications as applications,
)
from kerasish import (
    backend as backend,
)
from kerasish import (
    callbacks as callbacks,
)
from kerasish import (
    config as config,
)
from kerasish import (
    constraints as constraints,
)
from kerasish import (
    datasets as datasets,
)
from kerasish import (
    dtype_policies as dtype_policies,
)
from kerasish import (
    initializers as initializers,
)
from kerasish import (
    layers as layers,
)
from kerasish import (
    losses as losses,
)
from kerasish import (
    metrics as metrics,
)
from kerasish import (
    mixed_precision as mixed_precision,
)
from kerasish import (
    models as models,
)
from kerasish import (
    ops as ops,
)
from kerasish import (
    optimizers as optimizers,
)
from kerasish import (
    random as random,
)
from kerasish import (
    regularizers as regularizers,
)
from kerasish import (
    saving as saving,
)
from kerasish import (
    tree as tree,
)
from kerasish import (
    utils as utils,
)
from kerasish.core.dtypes import DTypePolicy as DTypePolicy
from kerasish.core.dtypes import FloatDTypePolicy as FloatDTypePolicy
from kerasish.core.lifted import grad as grad
from kerasish.core.lifted import jit as jit
from kerasish.core.lifted import value_and_grad as value_and_grad
from kerasish.core.lifted import vmap as vmap
from kerasish.core.naming import name_scope as name_scope
from kerasish.core.symbolic import KerasTensor as KerasTensor
from kerasish.core.symbolic import Operation as Operation
from kerasish.core.variable import StatelessScope as StatelessScope
from kerasish.core.variable import Variable as Variable
from kerasish.initializers import Initializer as Initializer
from kerasish.layers import Input as Input
from kerasish.layers import InputSpec as InputSpec
from kerasish.layers import Layer as Layer
from kerasish.losses import Loss as Loss
from kerasish.metrics import Metric as Metric
from kerasish.models import Model as Model
from kerasish.models import Sequential as Sequential
from kerasish.optimizers import Optimizer as Optimizer
from kerasish.regularizers import Regularizer as Regularizer

__version__: str

def version() -> str: ...
