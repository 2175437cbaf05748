"""One call of every op, with options and inputs drawn at random from a seed."""

import zlib

import numpy as np


class Fixed(np.ndarray):
    """An array that keeps its shape where the first axes of others are unknown: a kernel, a table, a scale."""


def find(module, name):
    """Return the op of a dotted name."""
    for part in name.split("."):
        module = getattr(module, part)
    return module


def base(value):
    """Return arguments with plain arrays in the place of fixed ones."""
    if isinstance(value, np.ndarray):
        return np.asarray(value)
    return type(value)(map(base, value)) if isinstance(value, (list, tuple)) else value


class Draw:
    """Random arrays and options. Floats are exact in bfloat16, so that each dtype gets the same numbers."""

    def __init__(self, name, seed=0):
        self.rng = np.random.default_rng([zlib.crc32(name.encode()), seed])

    def pick(self, *options):
        return options[self.rng.integers(len(options))]

    def coin(self):
        return bool(self.rng.integers(2))

    def between(self, low, high):
        return float(np.round(self.rng.uniform(low, high), 2))

    def floats(self, *shape, low=-2.0, high=2.0):
        bits = self.rng.uniform(low, high, shape).astype("float32").view("uint32") & 0xFFFF0000
        return bits.view("float32")

    def positive(self, *shape):
        return self.floats(*shape, low=0.25)

    def unit(self, *shape):
        return self.floats(*shape, low=-0.875, high=0.875)

    def fixed(self, *shape):
        return self.floats(*shape).view(Fixed)

    def ints(self, *shape, low=0, high=5):
        return self.rng.integers(low, high, shape).astype("int32")

    def bools(self, *shape):
        return self.rng.integers(0, 2, shape).astype(bool)

    def symmetric(self, *shape):
        x = self.floats(*shape)
        return (x @ x.swapaxes(-1, -2) + 2 * np.eye(shape[-1])).astype("float32")

    def image(self, *shape):
        return self.floats(*shape, low=0.0, high=1.0)

    def axis(self, ndim=3):
        return self.pick(None, 0, *range(1, ndim), -1, (0, ndim - 1), tuple(range(1, ndim)))


def call(*args, **kwargs):
    return args, kwargs


def cube(r):
    return r.floats(r.pick(2, 3), 3, 4)


DRAWS = {}


def add(draw, names):
    DRAWS.update(dict.fromkeys(names.split(), draw))


add(lambda r: call(cube(r)), """
    abs absolute angle arctan arcsinh cbrt ceil conj conjugate copy cos cosh deg2rad erf erfc exp exp2 expm1 fabs floor
    hard_sigmoid hard_silu hard_swish hard_tanh i0 imag isfinite isinf isnan isneginf isposinf isreal log_sigmoid
    logical_not negative rad2deg ravel real relu relu6 selu sigmoid sign signbit silu sin sinc sinh softplus softsign
    sparse_plus sparse_sigmoid square swish tan tanh tanh_shrink trunc stop_gradient fliplr flipud diagflat
""")  # fmt: skip
add(lambda r: call(r.unit(2, 3)), "arccos arcsin arctanh erfinv")
add(lambda r: call(r.positive(2, 3)), "log log10 log1p log2 reciprocal rsqrt sqrt")
add(lambda r: call(r.positive(2, 3) + 1), "arccosh")
add(lambda r: call(r.floats(2, 3), r.pick(r.floats(2, 3), r.floats(3).view(Fixed), r.between(-2, 2))), """
    add arctan2 equal fmax fmin greater greater_equal heaviside hypot isclose less less_equal logaddexp
    logaddexp2 maximum minimum multiply not_equal subtract
""")  # fmt: skip
add(
    lambda r: call(r.floats(2, 3), r.positive(2, 3)), "divide divide_no_nan floor_divide fmod mod true_divide nextafter"
)
add(lambda r: call(r.bools(2, 3), r.bools(2, 3)), "logical_and logical_or logical_xor")
add(lambda r: call(r.ints(2, 3), r.ints(2, 3)), """
    bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift left_shift right_shift gcd lcm
""")  # fmt: skip
add(lambda r: call(r.ints(2, 3)), "bitwise_invert bitwise_not")
add(lambda r: call(cube(r), axis=r.axis(), keepdims=r.coin()), """
    all amax amin any max mean median min nanmax nanmean nanmedian nanmin nanprod nanstd nansum nanvar prod ptp std sum
    var logsumexp
""")  # fmt: skip
add(lambda r: call(cube(r), axis=r.pick(None, 0, 1, -1), keepdims=r.coin()), "argmax argmin nanargmax nanargmin")
add(lambda r: call(cube(r), axis=r.pick(None, 0, 1, 2)), "cumsum cumprod nancumsum nancumprod flip")
add(lambda r: call(cube(r), axis=r.pick(1, 2, -1)), "argsort sort log_softmax softmax")
add(lambda r: call(cube(r), r.between(0.1, 0.9), axis=r.axis(), keepdims=r.coin(), method=r.pick("linear", "lower")),
    "quantile nanquantile")  # fmt: skip
add(lambda r: call(cube(r), r.between(10, 90), axis=r.axis(), keepdims=r.coin(), method=r.pick("linear", "midpoint")),
    "percentile nanpercentile")  # fmt: skip
add(lambda r: call(cube(r), k=r.pick(-1, 0, 1)), "tril triu")
add(lambda r: call(r.floats(2, 7, 6, 4), r.pick(2, 3, (2, 3)), strides=r.pick(1, 2), padding=r.pick("valid", "same")),
    "max_pool average_pool")  # fmt: skip
add(lambda r: call(r.floats(2, 6, 6, 4), r.pick(2, 3, (3, 2)), data_format=r.pick("channels_last", "channels_first")),
    "adaptive_average_pool adaptive_max_pool")  # fmt: skip
add(lambda r: call([r.floats(2, 3), r.floats(2, 3)]), "dstack hstack vstack")
add(lambda r: call([r.floats(2, 3), r.pick(r.floats, r.ints)(2, 3)], axis=r.pick(1, -1)), "concatenate stack")
add(lambda r: call(r.floats(6, 3), r.ints(6, high=4), num_segments=r.pick(4, 5), sorted=False),
    "segment_sum segment_max segment_min segment_prod")  # fmt: skip
add(lambda r: call(r.symmetric(2, 3, 3)), "cholesky det eigh inv logdet lu_factor slogdet")
add(lambda r: call((r.floats(2, 4, 8), r.floats(2, 4, 8))), "fft fft2 ifft2")
add(lambda r: call(r.floats(2, 3), r.floats(2, 3)), "inner outer vdot kron append")
add(lambda r: call(r.pick(4, 7)), "bartlett blackman hamming hanning identity")
add(lambda r: call((2, 3), dtype=r.pick(None, "int32", "float16")), "zeros ones")
add(lambda r: call(cube(r), dtype=r.pick(None, "int32", "float16")), "zeros_like ones_like")


def crossentropy(r):
    target = np.eye(4, dtype="float32")[r.ints(2, high=4)]
    logits = r.coin()
    return call(target, r.floats(2, 4) if logits else r.image(2, 4) * 0.75 + 0.125, from_logits=logits)


def convolution(r):
    dilation = r.pick(1, 2)
    return call(
        r.floats(2, 7, 6, 4), r.fixed(3, 2, 4, 3), strides=1 if dilation > 1 else r.pick(1, 2, (2, 1)),
        padding=r.pick("valid", "same"), dilation_rate=dilation,
    )  # fmt: skip


def attention(r):
    query, key, value = r.floats(2, 5, 4, 8), r.floats(2, 6, 4, 8), r.floats(2, 6, 4, 8)
    return call(query, key, value, scale=r.between(0.1, 1), is_causal=r.coin())


def ctc(r):
    target = np.array([[1, 2, 2, 0], [3, 1, 0, 0]], "int32")
    return call(target, r.floats(2, 8, 5), np.array([3, 2], "int32"), np.array([8, r.pick(5, 7)], "int32"))


DRAWS |= {
    # shapes and places
    "array": lambda r: call(cube(r), dtype=r.pick("float16", "int32")),
    "array_split": lambda r: call(cube(r), r.pick(2, 3), axis=r.pick(1, 2)),
    "broadcast_to": lambda r: call(r.fixed(2, 3), (r.pick(2, 4), 2, 3)),
    "cast": lambda r: call(cube(r), r.pick("float16", "bfloat16", "int32", "bool")),
    "convert_to_tensor": lambda r: call(cube(r), dtype=r.pick("float16", "int32")),
    "saturate_cast": lambda r: call(50 * cube(r), r.pick("int8", "uint8", "int16")),
    "clip": lambda r: call(cube(r), r.between(-1, 0), r.between(0, 1)),
    "round": lambda r: call(cube(r), decimals=r.pick(0, 1)),
    "nan_to_num": lambda r: call(cube(r), nan=r.between(0, 1)),
    "diag": lambda r: call(r.floats(3), k=r.pick(-1, 0, 1)),
    "diagonal": lambda r: call(cube(r), offset=r.pick(-1, 0, 1), axis1=1, axis2=2),
    "diff": lambda r: call(r.floats(2, 5), n=r.pick(1, 2)),
    "dsplit": lambda r: call(cube(r), 2),
    "hsplit": lambda r: call(cube(r), 3),
    "vsplit": lambda r: call(r.floats(4, 3), 2),
    "split": lambda r: call(cube(r), r.pick(2, [1, 3]), axis=2),
    "unstack": lambda r: call(cube(r), axis=r.pick(1, 2)),
    "expand_dims": lambda r: call(cube(r), r.pick(0, 1, -1, (1, 2))),
    "empty_like": lambda r: call(cube(r), dtype="int32"),
    "full_like": lambda r: call(cube(r), r.pick(2, 1.5), dtype=r.pick(None, "int32")),
    "get_item": lambda r: call(cube(r), r.pick((slice(None), 1), (Ellipsis, slice(1, 3)), (slice(None), None, -1))),
    "meshgrid": lambda r: call(r.floats(3), r.floats(2), indexing=r.pick("xy", "ij")),
    "moveaxis": lambda r: call(cube(r), r.pick(1, 2), r.pick(0, -1)),
    "pad": lambda r: call(cube(r), ((0, 0), (1, 2), (2, 0)), mode=r.pick("constant", "reflect", "symmetric")),
    "repeat": lambda r: call(cube(r), r.pick(2, 3), axis=r.pick(None, 0, 1)),
    "reshape": lambda r: call(r.floats(2, 3, 4), r.pick((-1, 12), (-1, 4, 3), (-1, 2, 6))),
    "roll": lambda r: call(cube(r), r.pick(-1, 2), axis=r.pick(None, 0, 1)),
    "rot90": lambda r: call(cube(r), k=r.pick(1, 2, 3), axes=r.pick((1, 2), (2, 1))),
    "squeeze": lambda r: call(r.floats(2, 1, 3), axis=r.pick(1, -2)),
    "swapaxes": lambda r: call(cube(r), r.pick(0, 1), 2),
    "tile": lambda r: call(cube(r), r.pick((1, 2, 1), 2, (2, 1, 1))),
    "transpose": lambda r: call(cube(r), axes=r.pick(None, (0, 2, 1), (2, 0, 1))),
    "view": lambda r: call(r.ints(2, 3), dtype=r.pick("uint32", "int16")),
    "rearrange": lambda r: call(r.floats(2, 4, 6), r.pick("b (h p) w -> b h (w p)", "b (h p) w -> (b h) p w"), p=2),
    "slice": lambda r: call(r.floats(2, 3, 4), (0, r.pick(0, 1), 1), (2, 2, 2)),
    "slice_update": lambda r: call(r.floats(3, 4), (1, r.pick(0, 1)), r.fixed(2, 2)),
    "scatter": lambda r: call(r.ints(3, 1), r.floats(3, 2), (5, 2)),
    "scatter_update": lambda r: call(r.fixed(3, 4), r.ints(2, 1, high=3), r.floats(2, 4),
                                     reduction=r.pick("add", "max", "min")),
    "select": lambda r: call([r.bools(2, 3), r.bools(2, 3)], [r.floats(2, 3), r.floats(2, 3)], default=r.between(0, 1)),
    "where": lambda r: call(r.bools(2, 3), r.floats(2, 3), r.pick(r.floats(2, 3), 0, 1.5)),
    "take": lambda r: call(cube(r), r.ints(2, high=3).view(Fixed), axis=r.pick(1, 2)),
    "take_along_axis": lambda r: call(cube(r)[:2], r.ints(2, 2, 4, high=3), axis=1),
    "top_k": lambda r: call(r.floats(2, 5), r.pick(1, 3)),
    "in_top_k": lambda r: call(r.ints(2), r.floats(2, 5), r.pick(1, 3)),
    "argpartition": lambda r: call(r.floats(2, 5), r.pick(1, 3)),
    "searchsorted": lambda r: call(np.sort(r.fixed(5)), r.floats(2, 3), side=r.pick("left", "right")),
    "digitize": lambda r: call(cube(r), np.sort(r.fixed(3))),
    "isin": lambda r: call(r.ints(2, 3), r.ints(3).view(Fixed), invert=r.coin()),
    "count_nonzero": lambda r: call(r.ints(2, 3, high=2), axis=r.pick(None, 0, 1)),
    "unravel_index": lambda r: call(r.ints(4, high=12), (3, 4)),
    "vander": lambda r: call(r.floats(4), N=r.pick(2, 3), increasing=r.coin()),
    "extract_sequences": lambda r: call(r.floats(2, 12), r.pick(3, 4), r.pick(1, 2)),
    "depth_to_space": lambda r: call(r.floats(2, 3, 2, 4), 2),
    "space_to_depth": lambda r: call(r.floats(2, 4, 6, 3), 2),
    "unfold": lambda r: call(r.floats(2, 4, 7, 6), r.pick(2, (3, 2)), padding=r.pick(0, 1), stride=r.pick(1, 2)),
    "fold": lambda r: call(r.floats(2, 8, 20), (5, 6), 2),
    "one_hot": lambda r: call(r.ints(2, 3), r.pick(5, 6), dtype=r.pick(None, "int32")),
    "multi_hot": lambda r: call(r.ints(2, 3), r.pick(5, 6)),
    # data-dependent shapes
    "bincount": lambda r: call(r.ints(2, 3), minlength=r.pick(0, 6)),
    "histogram": lambda r: call(r.floats(5), bins=r.pick(3, 4)),
    "nonzero": lambda r: call(r.ints(2, 3, high=2)),
    "unique": lambda r: call(r.ints(6)),
    # products
    "corrcoef": lambda r: call(r.floats(3, 5)),
    "correlate": lambda r: call(r.fixed(6), r.fixed(3), mode=r.pick("valid", "same", "full")),
    "cross": lambda r: call(r.floats(2, 3), r.floats(2, 3)),
    "dot": lambda r: call(cube(r), r.fixed(4, 2)),
    "einsum": lambda r: call(r.pick("bij,jk->bik", "bij,jk->bki", "bij,jk->bk"), cube(r), r.fixed(4, 2)),
    "matmul": lambda r: call(cube(r), r.pick(r.fixed(4, 2), r.fixed(4))),
    "tensordot": lambda r: call(cube(r), r.fixed(4, 3), axes=r.pick(1, ((1, 2), (1, 0)))),
    "trace": lambda r: call(cube(r), offset=r.pick(-1, 0, 1), axis1=1, axis2=2),
    "trapezoid": lambda r: call(cube(r), dx=r.between(0.5, 2), axis=r.pick(1, -1)),
    "average": lambda r: call(cube(r), axis=r.pick(None, 0, 1, 2)),
    "power": lambda r: call(r.positive(2, 3), r.pick(r.floats(2, 3), 2, 1.5)),
    "ldexp": lambda r: call(r.floats(2, 3), r.ints(2, 3)),
    "allclose": lambda r: call(r.floats(2, 3), r.floats(2, 3), rtol=r.pick(1e-5, 10.0)),
    "cdist": lambda r: call(r.floats(3, 4), r.floats(2, 4)),
    # creation
    "arange": lambda r: call(r.pick(0, 0.5), r.pick(3, 4.5), r.pick(1, 0.5)),
    "empty": lambda r: call((2, 3)),
    "eye": lambda r: call(3, r.pick(None, 4), k=r.pick(-1, 0, 1)),
    "full": lambda r: call((2, 3), r.pick(2, 1.5)),
    "geomspace": lambda r: call(1, r.pick(8, 10), num=4, endpoint=r.coin()),
    "kaiser": lambda r: call(r.pick(4, 5), r.between(1, 8)),
    "linspace": lambda r: call(r.floats(2, 3), r.floats(2, 3), num=r.pick(2, 3), endpoint=r.coin(), axis=r.pick(0, -1)),
    "logspace": lambda r: call(0.0, r.between(1, 2), num=3, base=r.pick(2, 10)),
    "tri": lambda r: call(3, r.pick(None, 4), k=r.pick(-1, 1)),
    # linear algebra and signals
    "cholesky_inverse": lambda r: call(np.linalg.cholesky(r.symmetric(3, 3)).view(Fixed)),
    "eig": lambda r: call(r.symmetric(2, 3, 3)),
    "lstsq": lambda r: call(r.fixed(5, 3), r.fixed(5, 2)),
    "matrix_rank": lambda r: call(r.fixed(4, 2) @ r.fixed(2, 3)),
    "norm": lambda r: call(cube(r), ord=r.pick(None, 1, 2, np.inf), axis=r.pick(1, 2), keepdims=r.coin()),
    "pinv": lambda r: call(r.floats(2, 4, 3)),
    "qr": lambda r: call(r.floats(2, 4, 3), mode=r.pick("reduced", "complete")),
    "solve": lambda r: call(r.symmetric(2, 3, 3), r.floats(2, 3, 2)),
    "solve_triangular": lambda r: call(r.symmetric(2, 3, 3), r.floats(2, 3, 2), lower=r.coin()),
    "svd": lambda r: call(r.floats(2, 4, 3), full_matrices=r.coin(), compute_uv=r.coin()),
    "rfft": lambda r: call(r.floats(2, 8), r.pick(None, 6)),
    "irfft": lambda r: call((r.floats(2, 5), r.floats(2, 5)), r.pick(None, 6)),
    "stft": lambda r: call(r.floats(2, 20), 6, r.pick(2, 3), 8, window=r.pick("hann", "hamming", None)),
    "istft": lambda r: call((r.floats(2, 6, 5), r.floats(2, 6, 5)), 8, 2, 8, center=r.coin()),
    "view_as_complex": lambda r: call(r.floats(3, 2)),
    "view_as_real": lambda r: call((r.floats(2, 3) + 1j * r.floats(2, 3)).astype("complex64")),
    "polar": lambda r: call(r.positive(2, 3), r.floats(2, 3)),
    # neural networks
    "celu": lambda r: call(cube(r), alpha=r.between(0.5, 2)),
    "elu": lambda r: call(cube(r), alpha=r.between(0.5, 2)),
    "gelu": lambda r: call(cube(r), approximate=r.coin()),
    "glu": lambda r: call(cube(r), axis=2),
    "hard_shrink": lambda r: call(cube(r), threshold=r.between(0.2, 1)),
    "leaky_relu": lambda r: call(cube(r), negative_slope=r.between(0.1, 0.5)),
    "soft_shrink": lambda r: call(cube(r), threshold=r.between(0.2, 1)),
    "sparsemax": lambda r: call(cube(r)),
    "squareplus": lambda r: call(cube(r), b=r.between(1, 4)),
    "threshold": lambda r: call(cube(r), r.between(0, 1), r.between(-1, 0)),
    "moments": lambda r: call(cube(r), r.pick(0, 1, (0, 1), (1, 2)), keepdims=r.coin()),
    "batch_normalization": lambda r: call(cube(r), r.fixed(4), r.positive(4).view(Fixed), -1, r.fixed(4), r.fixed(4),
                                          epsilon=r.pick(1e-3, 0.1)),
    "layer_normalization": lambda r: call(cube(r), r.fixed(4), r.fixed(4), epsilon=r.pick(1e-3, 0.1)),
    "rms_normalization": lambda r: call(cube(r), r.fixed(4), epsilon=r.pick(1e-3, 0.1)),
    "normalize": lambda r: call(cube(r), axis=r.pick(1, -1), order=r.pick(1, 2, 3)),
    "psnr": lambda r: call(r.image(2, 3), r.image(2, 3), r.pick(1.0, 2.0)),
    "binary_crossentropy": crossentropy,
    "categorical_crossentropy": crossentropy,
    "sparse_categorical_crossentropy": lambda r: call(r.ints(2, high=4), r.image(2, 4) + 0.125, from_logits=r.coin()),
    "ctc_loss": ctc,
    "ctc_decode": lambda r: call(r.floats(2, 8, 5), np.array([8, 5], "int32"), merge_repeated=r.coin()),
    "conv": convolution,
    "depthwise_conv": lambda r: call(r.floats(2, 7, 6, 4), r.fixed(3, 2, 4, 2), strides=r.pick(1, 2),
                                     padding=r.pick("valid", "same")),
    "separable_conv": lambda r: call(r.floats(2, 7, 6, 4), r.fixed(3, 2, 4, 2), r.fixed(1, 1, 8, 3),
                                     strides=r.pick(1, 2), padding=r.pick("valid", "same")),
    "conv_transpose": lambda r: call(r.floats(2, 4, 3, 4), r.fixed(3, 2, 3, 4), strides=r.pick(1, 2),
                                     padding=r.pick("valid", "same")),
    "dot_product_attention": attention,
    # functions of functions
    "associative_scan": lambda r: call(lambda a, b: a + b, cube(r), reverse=r.coin(), axis=r.pick(1, 2)),
    "cond": lambda r: call(r.coin(), lambda x=cube(r): x * 2, lambda x=cube(r): x + 1),
    "fori_loop": lambda r: call(0, r.pick(2, 3), lambda i, x: x * 2, cube(r)),
    "jvp": lambda r: call(lambda x: x * x, (cube(r),), (cube(r),)),
    "map": lambda r: call(lambda x: x * 2, cube(r)),
    "scan": lambda r: call(lambda c, x: (c + x, c * 2), r.fixed(4), r.floats(3, 4), reverse=r.coin()),
    "switch": lambda r: call(r.pick(0, 1), [lambda x: x * 2, lambda x: x + 1], cube(r)),
    "vectorized_map": lambda r: call(lambda x: x * 2, cube(r)),
    "while_loop": lambda r: call(lambda x: x.sum() < 50, lambda x: x * x + 1, cube(r)),
    # images
    "image.rgb_to_grayscale": lambda r: call(r.image(2, 4, 5, 3)),
    "image.rgb_to_hsv": lambda r: call(r.image(2, 4, 5, 3)),
    "image.hsv_to_rgb": lambda r: call(r.image(2, 4, 5, 3)),
    "image.resize": lambda r: call(r.image(2, 6, 5, 3), r.pick((3, 7), (9, 4)),
                                   interpolation=r.pick("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5"),
                                   antialias=r.coin()),
    "image.affine_transform": lambda r: call(r.image(2, 6, 5, 3), np.array([[1.25, 0.25, -1, 0.5, 0.75, 0.5, 0, 0]] * 2,
                                             "float32"), fill_mode=r.pick("constant", "nearest", "wrap", "reflect")),
    "image.perspective_transform": lambda r: call(
        r.image(2, 6, 5, 3), np.array([[[0, 0], [4, 0], [0, 5], [4, 5]]] * 2, "float32"),
        np.array([[[0, 0.5], [4, 0], [0.25, 5], [3.5, 4.5]]] * 2, "float32")),
    "image.extract_patches": lambda r: call(r.image(2, 6, 5, 3), r.pick(2, (3, 2)), padding=r.pick("valid", "same")),
    "image.extract_patches_3d": lambda r: call(r.image(2, 4, 4, 4, 2), 2, strides=r.pick(1, 2)),
    "image.map_coordinates": lambda r: call(r.image(6, 5).view(Fixed), 4 * r.image(2, 7).view(Fixed), r.pick(0, 1),
                                            fill_mode=r.pick("constant", "nearest", "mirror")),
    "image.pad_images": lambda r: call(r.image(2, 4, 5, 3), r.pick(0, 1), 2, 1, r.pick(1, 3)),
    "image.crop_images": lambda r: call(r.image(2, 4, 5, 3), r.pick(0, 1), 1, 1, r.pick(0, 2)),
    "image.gaussian_blur": lambda r: call(r.image(2, 4, 5, 3), r.pick((3, 3), (5, 3)), (r.between(0.5, 2), 1.0),
                                          data_format="channels_last"),
    "image.scale_and_translate": lambda r: call(r.image(2, 4, 5, 3), (2, 6, 7, 3), np.float32([1.25, 1.5]).view(Fixed),
                                                np.float32([0.5, -1]).view(Fixed), (1, 2), r.pick("linear", "cubic")),
    "image.sobel_edges": lambda r: call(r.image(2, 4, 5, 3)),
    "image.ssim": lambda r: call(r.image(2, 6, 6, 3), r.image(2, 6, 6, 3), filter_size=r.pick(3, 5)),
}  # fmt: skip
