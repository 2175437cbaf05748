from kerasish import (
    activations as activations,
    backend as backend,
    callbacks as callbacks,
    config as config,
    constraints as constraints,
    datasets as datasets,
    dtype_policies as dtype_policies,
    initializers as initializers,
    layers as layers,
    losses as losses,
    metrics as metrics,
    mixed_precision as mixed_precision,
    models as models,
    ops as ops,
    optimizers as optimizers,
    random as random,
    regularizers as regularizers,
    saving as saving,
    tree as tree,
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
