"""A binary heap of numbers, ordered by a value each has; the greatest first."""

from model.kernels.compilation import kernel


@kernel
def sift_up(heap, values, place):
    while place > 0:
        parent = (place - 1) >> 1
        if values[heap[parent]] >= values[heap[place]]:
            break
        heap[parent], heap[place] = heap[place], heap[parent]
        place = parent


@kernel
def sift_down(heap, values, count):
    place = 0
    while True:
        child = 2 * place + 1
        if child >= count:
            break
        if child + 1 < count and values[heap[child + 1]] > values[heap[child]]:
            child += 1
        if values[heap[place]] >= values[heap[child]]:
            break
        heap[place], heap[child] = heap[child], heap[place]
        place = child
