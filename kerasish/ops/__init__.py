"""Operations on tensors: arrays, Variables and symbolic tensors alike."""

# isort: off
# fmt: off
from kerasish.ops import image, linalg, nn, numpy
from kerasish.ops.core import (
    associative_scan, cast, cond, convert_to_numpy, convert_to_tensor, custom_gradient, dtype, fori_loop, is_tensor,
    map, saturate_cast, scan, scatter, scatter_update, shape, slice, slice_update, stop_gradient, switch, unstack,
    vectorized_map, while_loop,
)
from kerasish.ops.einops import (
    rearrange,
)
from kerasish.ops.linalg import (
    cholesky, cholesky_inverse, det, eig, eigh, inv, jvp, lstsq, lu_factor, matrix_rank, norm, pinv, qr, solve,
    solve_triangular, svd,
)
from kerasish.ops.math import (
    cdist, erf, erfc, erfinv, extract_sequences, fft, fft2, ifft2, in_top_k, irfft, istft, logdet, logsumexp, rfft,
    rsqrt, segment_max, segment_min, segment_prod, segment_sum, stft, top_k, view_as_complex, view_as_real,
)
from kerasish.ops.nn import *  # noqa: F403
from kerasish.ops.numpy import *  # noqa: F403

__all__ = [
    "associative_scan", "cast", "cdist", "cholesky", "cholesky_inverse", "cond", "convert_to_numpy",
    "convert_to_tensor", "custom_gradient", "det", "dtype", "eig", "eigh", "erf", "erfc", "erfinv",
    "extract_sequences", "fft", "fft2", "fori_loop", "ifft2", "image", "in_top_k", "inv", "irfft", "is_tensor",
    "istft", "jvp", "linalg", "logdet", "logsumexp", "lstsq", "lu_factor", "map", "matrix_rank", "nn", "norm",
    "numpy", "pinv", "qr", "rearrange", "rfft", "rsqrt", "saturate_cast", "scan", "scatter", "scatter_update",
    "segment_max", "segment_min", "segment_prod", "segment_sum", "shape", "slice", "slice_update", "solve",
    "solve_triangular", "stft", "stop_gradient", "svd", "switch", "top_k", "unstack", "vectorized_map",
    "view_as_complex", "view_as_real", "while_loop",
]
__all__ += nn.__all__
__all__ += numpy.__all__
