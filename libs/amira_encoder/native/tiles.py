"""The innermost loops, instruction by instruction: tiles of matrix products, one register per sum.

A tile is a block of ROWS x (16 x VECTORS) sums that stay in vector registers while the depth is walked.
numba's compiler does not find these instructions in plain loops, so they are emitted one by one; all else
about the kernels is ordinary numba. Addresses are integers (``array.ctypes.data``), nothing is checked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 16
"""Numbers of 32 bits in a vector register."""

_INT8, _INT32, _INT64 = ir.IntType(8), ir.IntType(32), ir.IntType(64)
_FLOAT = ir.FloatType()
_BYTES_X64 = ir.VectorType(_INT8, 64)
_BYTES_X16 = ir.VectorType(_INT8, LANES)
_INT_X16 = ir.VectorType(_INT32, LANES)
_FLOAT_X16 = ir.VectorType(_FLOAT, LANES)
_REGISTER_BYTES = 64

Emit = Callable[..., Any]

_in_kernels: Callable[[Callable[..., Any]], Any] = intrinsic
"""numba's decorator with a type: calls of the function in kernels become the instructions that it emits."""


def int8_tile(rows: int, vectors: int) -> Any:
    """c[rows, 16 vectors] = a[rows, depth] b[depth, 16 vectors], a and b rounded to bytes.

    ``tile((a, a_stride, scales, scales_stride, b, starts, groups, group_depth, c))``: a is uint8, and of each
    row every group of `group_depth` values (a multiple of four) has a float32 scale; b is int8 in the
    layout of :func:`amira_encoder.native.products.pack`; `starts` [groups, 16 vectors], int32, is where
    the sum of a group begins; c is float32 without gaps. Strides are in bytes.
    """

    def emit(
        builder: Any, a: Any, a_stride: Any, scales: Any, scales_stride: Any, b: Any, starts: Any,
        groups: Any, group_depth: Any, c: Any,
    ) -> None:  # fmt: skip
        wide = _INT64(_REGISTER_BYTES * vectors)
        sums, totals = (
            [[cgutils.alloca_once(builder, kind) for _ in range(vectors)] for _ in range(rows)]
            for kind in (_INT_X16, _FLOAT_X16)
        )
        _each(totals, lambda row, vector, total: builder.store(ir.Constant(_FLOAT_X16, [0] * LANES), total))
        with cgutils.for_range(builder, groups, intp=_INT64) as loop:
            depth_done = builder.mul(loop.index, group_depth)
            start = builder.add(starts, builder.mul(loop.index, wide))
            _each(
                sums,
                lambda row, vector, total: builder.store(
                    _load(builder, _moved(builder, start, _REGISTER_BYTES * vector), _INT_X16), total
                ),
            )
            _walk(
                builder, sums, _BYTES_X64, _add_products_of_bytes,
                builder.add(a, depth_done), a_stride,
                builder.add(b, builder.mul(depth_done, _INT64(LANES * vectors))), wide,
                builder.udiv(group_depth, _INT64(4)),
            )  # fmt: skip
            scale = builder.add(scales, builder.mul(loop.index, _INT64(4)))
            row_scales = [
                _repeat(
                    builder,
                    _load(builder, builder.add(scale, builder.mul(scales_stride, _INT64(row))), _FLOAT),
                    _FLOAT_X16,
                )
                for row in range(rows)
            ]
            _each(
                totals,
                lambda row, vector, total: builder.store(
                    _multiply_add(
                        builder,
                        row_scales[row],
                        builder.sitofp(builder.load(sums[row][vector]), _FLOAT_X16),
                        builder.load(total),
                    ),
                    total,
                ),
            )
        _store(builder, totals, c, wide)

    return _intrinsic(emit)


def float_tile(rows: int, vectors: int) -> Any:
    """c[rows, 16 vectors] = a[rows, depth] b[depth, 16 vectors], all float32.

    ``tile((a, a_stride, b, b_stride, depth, c, c_stride))``; strides are in bytes.
    """

    def emit(
        builder: Any, a: Any, a_stride: Any, b: Any, b_stride: Any, depth: Any, c: Any, c_stride: Any
    ) -> None:
        totals = [[cgutils.alloca_once(builder, _FLOAT_X16) for _ in range(vectors)] for _ in range(rows)]
        _each(totals, lambda row, vector, total: builder.store(ir.Constant(_FLOAT_X16, [0] * LANES), total))
        _walk(builder, totals, _FLOAT_X16, _multiply_add, a, a_stride, b, b_stride, depth)
        _store(builder, totals, c, c_stride)

    return _intrinsic(emit)


@_in_kernels
def fused(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """``a * b + c`` for float32, rounded once."""

    def codegen(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        instruction = ir.FunctionType(_FLOAT, [_FLOAT] * 3)
        return builder.call(
            cgutils.get_or_insert_function(builder.module, instruction, "llvm.fma.f32"), given
        )

    return types.float32(types.float32, types.float32, types.float32), codegen


@_in_kernels
def sum_of(typing_context: Any, address: Any, count: Any) -> Any:
    """``sum_of(address, count)`` of float32 numbers, a multiple of sixteen, always in the same order."""

    def codegen(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        start, numbers = given
        total = cgutils.alloca_once_value(builder, ir.Constant(_FLOAT_X16, [0] * LANES))
        with cgutils.for_range(builder, builder.udiv(numbers, _INT64(LANES)), intp=_INT64) as loop:
            here = builder.add(start, builder.mul(loop.index, _INT64(_REGISTER_BYTES)))
            builder.store(builder.fadd(builder.load(total), _load(builder, here, _FLOAT_X16)), total)
        reduction = ir.FunctionType(_FLOAT, [_FLOAT, _FLOAT_X16])
        reduce = cgutils.get_or_insert_function(builder.module, reduction, "llvm.vector.reduce.fadd.v16f32")
        return builder.call(reduce, [ir.Constant(_FLOAT, 0.0), builder.load(total)])

    return types.float32(types.int64, types.int64), codegen


@_in_kernels
def largest_of(typing_context: Any, address: Any, count: Any) -> Any:
    """``largest_of(address, count)``: the largest magnitude of float32 numbers, a multiple of sixteen."""

    def codegen(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        start, numbers = given
        largest = cgutils.alloca_once_value(builder, ir.Constant(_FLOAT_X16, [0] * LANES))
        magnitude = _vector_function(builder, "llvm.fabs.v16f32", 1)
        with cgutils.for_range(builder, builder.udiv(numbers, _INT64(LANES)), intp=_INT64) as loop:
            here = builder.add(start, builder.mul(loop.index, _INT64(_REGISTER_BYTES)))
            sizes = builder.call(magnitude, [_load(builder, here, _FLOAT_X16)])
            before = builder.load(largest)
            larger = builder.fcmp_ordered(">", sizes, before)
            builder.store(builder.select(larger, sizes, before), largest)
        reduction = ir.FunctionType(_FLOAT, [_FLOAT_X16])
        reduce = cgutils.get_or_insert_function(builder.module, reduction, "llvm.vector.reduce.fmax.v16f32")
        return builder.call(reduce, [builder.load(largest)])

    return types.float32(types.int64, types.int64), codegen


@_in_kernels
def lowest_bytes(typing_context: Any, place: Any, factor: Any, addend: Any, out: Any, count: Any) -> Any:
    """``lowest_bytes(address, factor, addend, out, count)``: the lowest bytes of ``a * factor + addend``.

    Fused, of `count` float32 numbers, a multiple of sixteen, to as many bytes.
    """

    def codegen(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        start, factor, addend, out, numbers = given
        factors, addends = (_repeat(builder, number, _FLOAT_X16) for number in (factor, addend))
        with cgutils.for_range(builder, builder.udiv(numbers, _INT64(LANES)), intp=_INT64) as loop:
            here = builder.add(start, builder.mul(loop.index, _INT64(_REGISTER_BYTES)))
            results = _multiply_add(builder, _load(builder, here, _FLOAT_X16), factors, addends)
            lowest = builder.trunc(builder.bitcast(results, _INT_X16), _BYTES_X16)
            place = builder.inttoptr(
                builder.add(out, builder.mul(loop.index, _INT64(LANES))), _BYTES_X16.as_pointer()
            )
            builder.store(lowest, place, align=1)
        return context.get_dummy_value()

    return types.void(types.int64, types.float32, types.float32, types.int64, types.int64), codegen


@_in_kernels
def moved_up(typing_context: Any, place: Any, by: Any, count: Any) -> Any:
    """``moved_up(address, by, count)``: `count` bytes that were `by` bytes further on come to stand there."""

    def codegen(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        place, by, count = given
        to, source = (builder.inttoptr(at, cgutils.voidptr_t) for at in (place, builder.add(place, by)))
        cgutils.raw_memmove(builder, to, source, count, 1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), codegen


def _intrinsic(emit: Emit) -> Any:
    """A function for use in kernels that takes its addresses and sizes as one tuple."""

    @_in_kernels
    def tile(typing_context: Any, places: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            emit(builder, *cgutils.unpack_tuple(builder, given[0]))
            return context.get_dummy_value()

        return types.void(types.UniTuple(types.int64, len(places))), codegen

    return tile


def _walk(
    builder: Any, totals: Any, b_type: Any, add_products: Emit,
    a: Any, a_stride: Any, b: Any, b_stride: Any, steps: Any,
) -> None:  # fmt: skip
    """Each step takes four bytes of every row of `a` and one stride of `b`."""
    row_starts = [builder.add(a, builder.mul(a_stride, _INT64(row))) for row in range(len(totals))]
    with cgutils.for_range(builder, steps, intp=_INT64) as loop:
        here = builder.add(b, builder.mul(b_stride, loop.index))
        columns = [
            _load(builder, _moved(builder, here, _REGISTER_BYTES * vector), b_type)
            for vector in range(len(totals[0]))
        ]
        offset = builder.mul(loop.index, _INT64(4))
        number, vector_type = (_INT32, _INT_X16) if b_type is _BYTES_X64 else (_FLOAT, _FLOAT_X16)
        for start, row in zip(row_starts, totals, strict=True):
            repeated = _repeat(builder, _load(builder, builder.add(start, offset), number), vector_type)
            for total, column in zip(row, columns, strict=True):
                builder.store(add_products(builder, repeated, column, builder.load(total)), total)


def _add_products_of_bytes(builder: Any, a: Any, b: Any, total: Any) -> Any:
    instruction = ir.FunctionType(_INT_X16, [_INT_X16, _BYTES_X64, _BYTES_X64])
    name = "llvm.x86.avx512.vpdpbusd.512"
    add_products = cgutils.get_or_insert_function(builder.module, instruction, name)
    return builder.call(add_products, [total, builder.bitcast(a, _BYTES_X64), b])


def _multiply_add(builder: Any, a: Any, b: Any, total: Any) -> Any:
    return builder.call(_vector_function(builder, "llvm.fma.v16f32", 3), [a, b, total])


def _vector_function(builder: Any, name: str, arguments: int) -> Any:
    kind = ir.FunctionType(_FLOAT_X16, [_FLOAT_X16] * arguments)
    return cgutils.get_or_insert_function(builder.module, kind, name)


def _each(totals: Any, action: Callable[[int, int, Any], Any]) -> None:
    for row, vectors in enumerate(totals):
        for vector, total in enumerate(vectors):
            action(row, vector, total)


def _store(builder: Any, totals: Any, c: Any, c_stride: Any) -> None:
    def store(row: int, vector: int, total: Any) -> None:
        start = builder.add(c, builder.mul(c_stride, _INT64(row)))
        place = _moved(builder, start, _REGISTER_BYTES * vector)
        builder.store(builder.load(total), builder.inttoptr(place, _FLOAT_X16.as_pointer()), align=4)

    _each(totals, store)


def _moved(builder: Any, address: Any, by_bytes: int) -> Any:
    return builder.add(address, _INT64(by_bytes))


def _load(builder: Any, address: Any, kind: Any) -> Any:
    return builder.load(builder.inttoptr(address, kind.as_pointer()), align=1)


def _repeat(builder: Any, number: Any, kind: Any) -> Any:
    undefined = ir.Constant(kind, ir.Undefined)
    first = builder.insert_element(undefined, number, _INT32(0))
    return builder.shuffle_vector(first, undefined, ir.Constant(_INT_X16, [0] * LANES))
