"""A numba type for a vector of float32, one lane per frame.

LLVM's auto-vectorizer gives up on an in-place FFT, since it cannot prove that the four points of a
butterfly do not overlap. Spelling out the vectors makes the kernel's speed a property of its source:
LLVM maps `LANES` numbers onto whatever registers the machine has (ymm, half a zmm, two xmm or NEON).

Within kernels: ``load``, ``store``, ``splat``, ``total``, ``transpose``, ``floored_log`` and the operators
+, -, * and /. The operators round after each step, as scalar code does, and nothing is reordered: a frame's
result does not depend on the lane that it was in, nor on the machine.
"""

# mypy: disable-error-code="untyped-decorator"
# numba publishes no types.

from __future__ import annotations

import operator
from typing import Any, Final

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, models, overload, register_model

LANES: Final = 8
"""Frames computed at once."""

_FLOATS: Final = ir.VectorType(ir.FloatType(), LANES)
_INTS: Final = ir.VectorType(ir.IntType(32), LANES)
_FUSE: Final = ("contract",)

_LOG_POLYNOMIAL: Final = (
    7.0376836292e-2,
    -1.1514610310e-1,
    1.1676998740e-1,
    -1.2420140846e-1,
    1.4249322787e-1,
    -1.6668057665e-1,
    2.0000714765e-1,
    -2.4999993993e-1,
    3.3333331174e-1,
)
"""log(1 + x) = x - x^2 / 2 + x^3 P(x) on [sqrt(1/2) - 1, sqrt(2) - 1], highest power first, to 1e-7
(S. L. Moshier, Cephes mathematical library, logf)."""


class Lanes(types.Type):  # type: ignore[misc]  # numba is untyped
    """numba's view of the vector."""

    def __init__(self) -> None:
        super().__init__(name=f"Lanes({LANES})")


_lanes: Final = Lanes()


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):  # type: ignore[misc]  # numba is untyped
    def __init__(self, manager: Any, fe_type: Lanes) -> None:
        super().__init__(manager, fe_type, _FLOATS)


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), _FLOATS.as_pointer())


@intrinsic
def load(typingctx: Any, array: Any, index: Any) -> Any:
    """array[index : index + LANES] of a contiguous array."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], *arguments)
        return builder.load(pointer, align=4, typ=_FLOATS)

    return _lanes(array, types.intp), code


@intrinsic
def store(typingctx: Any, array: Any, index: Any, value: Any) -> Any:
    """array[index : index + LANES] = value."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, index, value = arguments
        builder.store(value, _pointer(context, builder, signature.args[0], array, index), align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, _lanes), code


@intrinsic
def splat(typingctx: Any, scalar: Any) -> Any:
    """The same number in all lanes."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        zero = ir.Constant(ir.IntType(32), 0)
        blank = ir.Constant(_FLOATS, ir.Undefined)
        one = builder.insert_element(blank, arguments[0], zero)
        return builder.shuffle_vector(one, one, ir.Constant(_INTS, [0] * LANES))

    return _lanes(types.float32), code


@intrinsic
def total(typingctx: Any, value: Any) -> Any:
    """The sum of all lanes as float32: of halves, of halves of these, and so on."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        (value,) = arguments
        size = LANES
        while size > 1:
            size //= 2
            lower = builder.shuffle_vector(value, value, ir.Constant(_ints(size), list(range(size))))
            upper = builder.shuffle_vector(
                value, value, ir.Constant(_ints(size), list(range(size, 2 * size)))
            )
            value = builder.fadd(lower, upper)
        return builder.extract_element(value, ir.Constant(ir.IntType(32), 0))

    return types.float32(_lanes), code


def _ints(size: int) -> ir.VectorType:
    return ir.VectorType(ir.IntType(32), size)


@intrinsic
def transpose(
    typingctx: Any, source: Any, start: Any, stride: Any, target: Any, to: Any, to_stride: Any
) -> Any:
    """target[to + to_stride * i + j] = source[start + stride * j + i] for i, j < LANES; float32."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source, start, stride, target, to, to_stride = arguments
        rows = []
        for row in range(LANES):
            index = builder.add(start, builder.mul(stride, stride.type(row)))
            pointer = _pointer(context, builder, signature.args[0], source, index)
            rows.append(builder.load(pointer, align=4, typ=_FLOATS))
        _transpose_rows(builder, rows)
        for row, value in enumerate(rows):
            index = builder.add(to, builder.mul(to_stride, to_stride.type(row)))
            builder.store(value, _pointer(context, builder, signature.args[3], target, index), align=4)
        return context.get_dummy_value()

    return types.void(source, types.intp, types.intp, target, types.intp, types.intp), code


def _transpose_rows(builder: Any, rows: list[Any]) -> None:
    """Swaps the off-diagonal halves of ever larger blocks: log2(LANES) shuffles a row."""
    size = 1
    while size < LANES:
        upper = [LANES + lane - size if lane & size else lane for lane in range(LANES)]
        lower = [LANES + lane if lane & size else lane + size for lane in range(LANES)]
        for row in range(LANES):
            if not row & size:
                pair = rows[row], rows[row + size]
                rows[row] = builder.shuffle_vector(*pair, ir.Constant(_INTS, upper))
                rows[row + size] = builder.shuffle_vector(*pair, ir.Constant(_INTS, lower))
        size *= 2


@intrinsic
def floored_log(typingctx: Any, value: Any, floor: Any) -> Any:
    """log(max(value, floor)) of float32 to 2e-7 (absolute, or relative above 1); `floor` must be
    positive and normal, and also replaces NaN."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value, floor = arguments
        raised = builder.select(builder.fcmp_ordered(">", value, floor), value, floor)
        # Shifting the bits by those of sqrt(1/2) makes the exponent step there rather than at 1, so
        # that the mantissa lies in [sqrt(1/2), sqrt(2)).
        root = _all(_INTS, int(np.float32(0.5**0.5).view(np.int32)))
        bits = builder.sub(builder.bitcast(raised, _INTS), root)
        exponent = builder.sitofp(builder.ashr(bits, _all(_INTS, 23)), _FLOATS)
        mantissa = builder.add(builder.and_(bits, _all(_INTS, 0x7FFFFF)), root)
        return _log(builder, exponent, builder.bitcast(mantissa, _FLOATS))

    return _lanes(_lanes, _lanes), code


def _log(builder: Any, exponent: Any, mantissa: Any) -> Any:
    """exponent * log(2) + log(mantissa)."""

    def mad(left: Any, right: Any, addend: Any) -> Any:
        return builder.fadd(builder.fmul(left, right, flags=_FUSE), addend, flags=_FUSE)

    x = builder.fsub(mantissa, _all(_FLOATS, 1.0))
    polynomial = _all(_FLOATS, _LOG_POLYNOMIAL[0])
    for coefficient in _LOG_POLYNOMIAL[1:]:
        polynomial = mad(polynomial, x, _all(_FLOATS, coefficient))
    square = builder.fmul(x, x)
    tail = mad(_all(_FLOATS, -0.5), square, builder.fmul(builder.fmul(polynomial, x), square))
    return mad(exponent, _all(_FLOATS, float(np.log(2.0))), builder.fadd(x, tail))


def _all(vector: ir.VectorType, value: float) -> ir.Constant:
    exact = value if vector is _INTS else float(np.float32(value))
    return ir.Constant(vector, [exact] * LANES)


def _arithmetic(operation: Any, instruction: str) -> None:
    """Makes `operation` work on two vectors."""

    @intrinsic
    def combine(typingctx: Any, left: Any, right: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return getattr(builder, instruction)(*arguments)

        return _lanes(_lanes, _lanes), code

    @overload(operation, strict=False)  # not strict: the lambda cannot carry the annotations
    def _typed(left: Any, right: Any) -> Any:
        if left == right == _lanes:
            return lambda left, right: combine(left, right)
        return None


for _operation, _instruction in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _arithmetic(_operation, _instruction)
