"""Convolution layers: ordinary, transposed, depthwise and separable, over one, two or three spatial axes."""

from typing import Any, ClassVar

from kerasish import ops
from kerasish.core.dtypes import is_float_dtype
from kerasish.core.registry import builtin_name
from kerasish.core.symbolic import KerasTensor
from kerasish.layers import arguments
from kerasish.layers.layer import Layer
from kerasish.layers.lora import LowRankAdaptable
from kerasish.layers.spec import InputSpec


class _Convolution(Layer):
    """What all convolutions share: windows, layouts, bias, activation and configuration."""

    _rank: ClassVar[int]
    _config_names: ClassVar[tuple[str, ...]]

    def __init_subclass__(cls, rank: int | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if rank is not None:
            cls._rank = rank
            cls.__init__ = arguments.for_rank(cls.__init__, rank, ("strides", "dilation_rate"))  # type: ignore[misc]

    def __init__(self, rank: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rank = rank

    def _set_window(
        self, kernel_size: Any, strides: Any, padding: Any, data_format: Any, dilation_rate: Any, causal: bool = False
    ) -> None:
        rank = self.rank
        self.kernel_size = arguments.integers(self, "kernel_size", kernel_size, rank)
        self.strides = arguments.integers(self, "strides", strides, rank)
        self.dilation_rate = arguments.integers(self, "dilation_rate", dilation_rate, rank)
        self.padding = arguments.choice(self, "padding", padding, ("valid", "same") + ("causal",) * causal)
        self.data_format = arguments.data_format(self, data_format)
        self.input_spec = InputSpec(min_ndim=rank + 2)

    def _refuse_strides_with_dilation(self) -> None:
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                f"{type(self).__name__}: `strides` and `dilation_rate` cannot both be larger than 1, received "
                f"strides={self.strides} and dilation_rate={self.dilation_rate}."
            )

    def _input_channels(self, input_shape: Any) -> int:
        """Return the number of input channels, and fix it in `input_spec`."""
        axis = -1 if self.data_format == "channels_last" else 1
        if len(input_shape) != self.rank + 2:
            raise ValueError(
                f"{type(self).__name__} {self.name!r}: expected inputs of {self.rank + 2} dimensions "
                f"({self.data_format}), received shape {tuple(input_shape)}."
            )
        channels = input_shape[axis]
        if not channels:
            raise ValueError(
                f"{type(self).__name__} {self.name!r}: the number of channels of the inputs (axis {axis}) must be "
                f"known and positive, received shape {tuple(input_shape)}."
            )
        self.input_spec = InputSpec(min_ndim=self.rank + 2, axes={axis: channels})
        return channels

    def _check_fit(self, input_shape: Any) -> None:
        """Refuse inputs that are smaller than the window."""
        spatial = input_shape[1:-1] if self.data_format == "channels_last" else input_shape[2:]
        windows = tuple((size - 1) * rate + 1 for size, rate in zip(self.kernel_size, self.dilation_rate))
        smaller = any(size is not None and size < window for size, window in zip(spatial, windows))
        if any(size == 0 for size in spatial) or (self.padding == "valid" and smaller):
            raise ValueError(
                f"{type(self).__name__} {self.name!r}: the output would be empty: the inputs of shape "
                f"{tuple(input_shape)} ({self.data_format}) are smaller than the window {windows} that follows from "
                f"kernel_size={self.kernel_size} and dilation_rate={self.dilation_rate}; with padding='same' any size "
                "will do."
            )

    def _add_bias(self, size: int) -> None:
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(size,), **arguments.weight_options(self, "bias"))

    def _finish(self, outputs: Any) -> Any:
        """Add the bias and apply the activation."""
        if self.bias is not None:
            bias = self.bias.value
            if self.data_format == "channels_first":
                bias = bias.reshape((1, -1) + (1,) * self.rank)
            outputs = outputs + bias
        return outputs if self.activation is None else self.activation(outputs)

    def _window_options(self) -> dict[str, Any]:
        names = ("strides", "padding", "data_format", "dilation_rate")
        return {name: getattr(self, name) for name in names}

    def get_config(self) -> dict:
        return super().get_config() | arguments.kept(self, *self._config_names)


class _Conv(LowRankAdaptable, _Convolution):
    """Ordinary convolution; the public classes say over how many axes."""

    _config_names = (
        "filters", "kernel_size", "strides", "padding", "data_format", "dilation_rate", "groups", "activation",
        "use_bias", "kernel_initializer", "bias_initializer", "kernel_regularizer", "bias_regularizer",
        "activity_regularizer", "kernel_constraint", "bias_constraint",
    )  # fmt: skip

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(rank=self._rank, activity_regularizer=activity_regularizer, **kwargs)
        self.filters = arguments.positive_integer(self, "filters", filters)
        self.groups = arguments.positive_integer(self, "groups", groups)
        if self.filters % self.groups:
            raise ValueError(
                f"{type(self).__name__}: `filters` must be divisible by `groups`, received filters={filters} and "
                f"groups={groups}."
            )
        self._set_window(kernel_size, strides, padding, data_format, dilation_rate, causal=self.rank == 1)
        self._refuse_strides_with_dilation()
        self.use_bias = use_bias
        arguments.keep(
            self,
            activation=activation,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
        )
        self._keep_lora(lora_rank, lora_alpha)

    def build(self, input_shape: Any) -> None:
        channels = self._input_channels(input_shape)
        if channels % self.groups:
            raise ValueError(
                f"{type(self).__name__} {self.name!r}: the number of input channels must be divisible by `groups`, "
                f"received groups={self.groups} and inputs of shape {tuple(input_shape)} with {channels} channels."
            )
        self._check_fit(input_shape)
        shape = (*self.kernel_size, channels // self.groups, self.filters)
        self.kernel = self.add_weight(name="kernel", shape=shape, **arguments.weight_options(self, "kernel"))
        self._add_bias(self.filters)
        if self.lora_rank:
            self.enable_lora(self.lora_rank, self.lora_alpha)

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """Convolve inputs with a kernel, without bias and activation; override it to change the kernel before."""
        options = self._window_options()
        if self.padding == "causal":
            before = (self.kernel_size[0] - 1) * self.dilation_rate[0]
            steps, channels = (before, 0), (0, 0)
            last = self.data_format == "channels_last"
            inputs = ops.pad(inputs, ((0, 0), steps, channels) if last else ((0, 0), channels, steps))
            options["padding"] = "valid"
        return ops.conv(inputs, kernel, **options)

    def call(self, inputs: Any) -> Any:
        return self._finish(self.convolution_op(inputs, self.kernel.value))

    def compute_output_spec(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the symbolic output, by formula: a large network has dozens of convolutions to trace otherwise."""
        own_activation = self.activation is None or builtin_name(self.activation) is not None
        if not (isinstance(inputs, KerasTensor) and self.autocast and is_float_dtype(inputs.dtype) and own_activation):
            return super().compute_output_spec(inputs, *args, **kwargs)
        last = self.data_format == "channels_last"
        spatial = inputs.shape[1:-1] if last else inputs.shape[2:]
        window = [(size - 1) * rate + 1 for size, rate in zip(self.kernel_size, self.dilation_rate)]
        lost = [0 if self.padding != "valid" else size - 1 for size in window]
        sizes = [
            None if size is None else -(-(size - less) // stride)
            for size, less, stride in zip(spatial, lost, self.strides)
        ]
        shape = (*sizes, self.filters) if last else (self.filters, *sizes)
        return KerasTensor((inputs.shape[0], *shape), self.compute_dtype)

    def get_config(self) -> dict:
        return super().get_config() | self._lora_config()


class Conv1D(_Conv, rank=1):
    """Convolution over one axis, such as time.

    `outputs = activation(convolution(inputs, kernel) + bias)`, the convolution without flipping the kernel.

    Args:
        filters: number of output channels.
        kernel_size: length of the window.
        strides: step of the window.
        padding: `"valid"` (none), `"same"` (outputs of length `ceil(steps / strides)`) or `"causal"` (an output depends
            on no later input).
        data_format: `"channels_last"` for inputs `(batch, steps, channels)`, `"channels_first"` for
            `(batch, channels, steps)`; None for the default.
        dilation_rate: distance between the elements of the window; with strides only 1.
        groups: number of groups the channels are split into; each is convolved with its own filters.
        activation: activation function or its name.
        use_bias: whether to add a bias.
        kernel_initializer: initializer of the kernel `(*kernel_size, channels // groups, filters)`.
        bias_initializer: initializer of the bias `(filters,)`.
        kernel_regularizer: penalty on the kernel.
        bias_regularizer: penalty on the bias.
        activity_regularizer: penalty on the outputs.
        kernel_constraint: projection of the kernel after updates.
        bias_constraint: projection of the bias after updates.
        lora_rank: rank of a trainable low-rank difference to a then frozen kernel; by default none.
        lora_alpha: the difference counts `lora_alpha / lora_rank` times; by default `lora_rank`.
        **kwargs: arguments of `Layer`.

    Raises:
        ValueError: for arguments out of range, and at the first call for inputs smaller than the window.

    Example:
        >>> Conv1D(32, 3, activation="relu")(np.ones((4, 10, 128))).shape
        (4, 8, 32)
    """


class Conv2D(_Conv, rank=2):
    """Convolution over two axes, such as those of images.

    The arguments are those of `Conv1D`, with one integer or two for `kernel_size`, `strides` and `dilation_rate`, and
    without causal padding. Inputs are `(batch, height, width, channels)`, or `(batch, channels, height, width)` with
    `data_format="channels_first"`.

    Example:
        >>> Conv2D(2, 3, activation="relu")(np.ones((4, 10, 10, 3))).shape
        (4, 8, 8, 2)
    """


class Conv3D(_Conv, rank=3):
    """Convolution over three axes, such as those of volumes.

    The arguments are those of `Conv1D`, with one integer or three for `kernel_size`, `strides` and `dilation_rate`, and
    without causal padding.

    Example:
        >>> Conv3D(2, 3)(np.ones((4, 10, 10, 10, 3))).shape
        (4, 8, 8, 8, 2)
    """


class _ConvTranspose(_Convolution):
    """Transposed convolution; the public classes say over how many axes."""

    _config_names = (
        "filters", "kernel_size", "strides", "padding", "output_padding", "data_format", "dilation_rate", "activation",
        "use_bias", "kernel_initializer", "bias_initializer", "kernel_regularizer", "bias_regularizer",
        "activity_regularizer", "kernel_constraint", "bias_constraint",
    )  # fmt: skip

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        output_padding: Any = None,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(rank=self._rank, activity_regularizer=activity_regularizer, **kwargs)
        self.filters = arguments.positive_integer(self, "filters", filters)
        self._set_window(kernel_size, strides, padding, data_format, dilation_rate)
        self._refuse_strides_with_dilation()
        self.output_padding = output_padding
        if output_padding is not None:
            self.output_padding = arguments.integers(self, "output_padding", output_padding, self.rank, minimum=0)
            if any(extra >= stride for extra, stride in zip(self.output_padding, self.strides)):
                expected = f"smaller than `strides` on every axis (strides={self.strides})"
                raise arguments.complaint(self, "output_padding", output_padding, expected)
        self.use_bias = use_bias
        arguments.keep(
            self,
            activation=activation,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
        )

    def build(self, input_shape: Any) -> None:
        shape = (*self.kernel_size, self.filters, self._input_channels(input_shape))
        self.kernel = self.add_weight(name="kernel", shape=shape, **arguments.weight_options(self, "kernel"))
        self._add_bias(self.filters)

    def call(self, inputs: Any) -> Any:
        options = self._window_options()
        return self._finish(ops.conv_transpose(inputs, self.kernel, output_padding=self.output_padding, **options))


class Conv1DTranspose(_ConvTranspose, rank=1):
    """Transposed convolution over one axis: maps from the shape of a convolution's output to that of its input.

    Args:
        filters: number of output channels.
        kernel_size: length of the window.
        strides: factor by which the length grows.
        padding: `"valid"` or `"same"` (outputs of length `steps * strides`).
        output_padding: additional length of the output, less than `strides`; None for the length above.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
        dilation_rate: distance between the elements of the window; with strides only 1.
        activation: activation function or its name.
        use_bias: whether to add a bias.
        kernel_initializer: initializer of the kernel `(*kernel_size, filters, channels)`.
        bias_initializer: initializer of the bias `(filters,)`.
        kernel_regularizer: penalty on the kernel.
        bias_regularizer: penalty on the bias.
        activity_regularizer: penalty on the outputs.
        kernel_constraint: projection of the kernel after updates.
        bias_constraint: projection of the bias after updates.
        **kwargs: arguments of `Layer`.

    Raises:
        ValueError: for arguments out of range.

    Example:
        >>> Conv1DTranspose(32, 3, strides=2)(np.ones((4, 10, 128))).shape
        (4, 21, 32)
    """


class Conv2DTranspose(_ConvTranspose, rank=2):
    """Transposed convolution over two axes; arguments as in `Conv1DTranspose`, with one integer or two each.

    Example:
        >>> Conv2DTranspose(32, 2, strides=2, activation="relu")(np.ones((4, 10, 8, 128))).shape
        (4, 20, 16, 32)
    """


class Conv3DTranspose(_ConvTranspose, rank=3):
    """Transposed convolution over three axes; arguments as in `Conv1DTranspose`, with one integer or three each.

    By position, `data_format` comes before `output_padding` here, as in Keras.

    Example:
        >>> Conv3DTranspose(4, 2, strides=2)(np.ones((1, 4, 4, 4, 3))).shape
        (1, 8, 8, 8, 4)
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        output_padding: Any = None,
        dilation_rate: Any = 1,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        sizes = (strides, padding, output_padding, data_format, dilation_rate)
        super().__init__(filters, kernel_size, *sizes, *args, **kwargs)


class _DepthwiseConv(_Convolution):
    """Depthwise convolution; the public classes say over how many axes."""

    _config_names = (
        "depth_multiplier", "kernel_size", "strides", "padding", "data_format", "dilation_rate", "activation",
        "use_bias", "depthwise_initializer", "bias_initializer", "depthwise_regularizer", "bias_regularizer",
        "activity_regularizer", "depthwise_constraint", "bias_constraint",
    )  # fmt: skip

    def __init__(
        self,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(rank=self._rank, activity_regularizer=activity_regularizer, **kwargs)
        self.depth_multiplier = arguments.positive_integer(self, "depth_multiplier", depth_multiplier)
        self._set_window(kernel_size, strides, padding, data_format, dilation_rate)
        self.use_bias = use_bias
        arguments.keep(
            self,
            activation=activation,
            depthwise_initializer=depthwise_initializer,
            bias_initializer=bias_initializer,
            depthwise_regularizer=depthwise_regularizer,
            bias_regularizer=bias_regularizer,
            depthwise_constraint=depthwise_constraint,
            bias_constraint=bias_constraint,
        )

    def build(self, input_shape: Any) -> None:
        channels = self._input_channels(input_shape)
        self._check_fit(input_shape)
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        self.kernel = self.add_weight(name="kernel", shape=shape, **arguments.weight_options(self, "depthwise"))
        self._add_bias(channels * self.depth_multiplier)

    def call(self, inputs: Any) -> Any:
        return self._finish(ops.depthwise_conv(inputs, self.kernel, **self._window_options()))


class DepthwiseConv1D(_DepthwiseConv, rank=1):
    """Convolution over one axis in which every input channel has kernels of its own.

    Args:
        kernel_size: length of the window.
        strides: step of the window.
        padding: `"valid"` or `"same"`.
        depth_multiplier: number of output channels for each input channel.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
        dilation_rate: distance between the elements of the window.
        activation: activation function or its name.
        use_bias: whether to add a bias.
        depthwise_initializer: initializer of the kernel `(*kernel_size, channels, depth_multiplier)`.
        bias_initializer: initializer of the bias `(channels * depth_multiplier,)`.
        depthwise_regularizer: penalty on the kernel.
        bias_regularizer: penalty on the bias.
        activity_regularizer: penalty on the outputs.
        depthwise_constraint: projection of the kernel after updates.
        bias_constraint: projection of the bias after updates.
        **kwargs: arguments of `Layer`.

    Raises:
        ValueError: for arguments out of range, and at the first call for inputs smaller than the window.

    Example:
        >>> DepthwiseConv1D(3, depth_multiplier=3, activation="relu")(np.ones((4, 10, 12))).shape
        (4, 8, 36)
    """


class DepthwiseConv2D(_DepthwiseConv, rank=2):
    """Convolution over two axes in which every input channel has kernels of its own.

    The arguments are those of `DepthwiseConv1D`, with one integer or two for the sizes.

    Example:
        >>> DepthwiseConv2D(3)(np.ones((4, 10, 10, 12))).shape
        (4, 8, 8, 12)
    """


class _SeparableConv(_Convolution):
    """Separable convolution; the public classes say over how many axes."""

    _config_names = (
        "depth_multiplier", "filters", "kernel_size", "strides", "padding", "data_format", "dilation_rate",
        "activation", "use_bias", "depthwise_initializer", "pointwise_initializer", "bias_initializer",
        "depthwise_regularizer", "pointwise_regularizer", "bias_regularizer", "activity_regularizer",
        "depthwise_constraint", "pointwise_constraint", "bias_constraint",
    )  # fmt: skip

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(rank=self._rank, activity_regularizer=activity_regularizer, **kwargs)
        self.filters = arguments.positive_integer(self, "filters", filters)
        self.depth_multiplier = arguments.positive_integer(self, "depth_multiplier", depth_multiplier)
        self._set_window(kernel_size, strides, padding, data_format, dilation_rate)
        self.use_bias = use_bias
        arguments.keep(
            self,
            activation=activation,
            depthwise_initializer=depthwise_initializer,
            pointwise_initializer=pointwise_initializer,
            bias_initializer=bias_initializer,
            depthwise_regularizer=depthwise_regularizer,
            pointwise_regularizer=pointwise_regularizer,
            bias_regularizer=bias_regularizer,
            depthwise_constraint=depthwise_constraint,
            pointwise_constraint=pointwise_constraint,
            bias_constraint=bias_constraint,
        )

    def build(self, input_shape: Any) -> None:
        channels = self._input_channels(input_shape)
        self._check_fit(input_shape)
        shapes = {
            "depthwise": (*self.kernel_size, channels, self.depth_multiplier),
            "pointwise": (1,) * self.rank + (channels * self.depth_multiplier, self.filters),
        }
        self.depthwise_kernel, self.pointwise_kernel = (
            self.add_weight(name=f"{kind}_kernel", shape=shape, **arguments.weight_options(self, kind))
            for kind, shape in shapes.items()
        )
        self._add_bias(self.filters)

    def call(self, inputs: Any) -> Any:
        kernels = self.depthwise_kernel, self.pointwise_kernel
        return self._finish(ops.separable_conv(inputs, *kernels, **self._window_options()))


class SeparableConv1D(_SeparableConv, rank=1):
    """Depthwise convolution over one axis, then a convolution of window 1 that mixes the channels.

    Args:
        filters: number of output channels.
        kernel_size: length of the window of the depthwise convolution.
        strides: its step.
        padding: `"valid"` or `"same"`.
        data_format: `"channels_last"`, `"channels_first"` or None for the default.
        dilation_rate: distance between the elements of the window.
        depth_multiplier: number of channels between the two convolutions for each input channel.
        activation: activation function or its name.
        use_bias: whether to add a bias.
        depthwise_initializer: initializer of the depthwise kernel `(*kernel_size, channels, depth_multiplier)`.
        pointwise_initializer: initializer of the pointwise kernel `(1, channels * depth_multiplier, filters)`.
        bias_initializer: initializer of the bias `(filters,)`.
        depthwise_regularizer: penalty on the depthwise kernel.
        pointwise_regularizer: penalty on the pointwise kernel.
        bias_regularizer: penalty on the bias.
        activity_regularizer: penalty on the outputs.
        depthwise_constraint: projection of the depthwise kernel after updates.
        pointwise_constraint: projection of the pointwise kernel after updates.
        bias_constraint: projection of the bias after updates.
        **kwargs: arguments of `Layer`.

    Raises:
        ValueError: for arguments out of range, and at the first call for inputs smaller than the window.

    Example:
        >>> SeparableConv1D(3, 4, depth_multiplier=2)(np.ones((4, 10, 12))).shape
        (4, 7, 3)
    """


class SeparableConv2D(_SeparableConv, rank=2):
    """Depthwise convolution over two axes, then a convolution of window 1 that mixes the channels.

    The arguments are those of `SeparableConv1D`, with one integer or two for the sizes.

    Example:
        >>> SeparableConv2D(3, (4, 3))(np.ones((4, 10, 10, 12))).shape
        (4, 7, 8, 3)
    """


# Keras's other names.
Convolution1D, Convolution2D, Convolution3D = Conv1D, Conv2D, Conv3D
Convolution1DTranspose, Convolution2DTranspose = Conv1DTranspose, Conv2DTranspose
Convolution3DTranspose = Conv3DTranspose
SeparableConvolution1D, SeparableConvolution2D = SeparableConv1D, SeparableConv2D
