// A C library as small as a plugin's life is short: a call has a memory of its own, and all of it is dropped when the
// call is over. So memory is handed out from bottom to top and none is taken back.

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_BYTES 65536
// Every block begins at a multiple of this, and so much before it lies its size.
#define ALIGN 16

extern uint8_t __heap_base;  // the linker puts it behind the stack and the data
static uintptr_t next;

void *malloc(size_t size) {
    if (!next) next = (uintptr_t)&__heap_base;
    uintptr_t block = ((next + ALIGN - 1) & ~(uintptr_t)(ALIGN - 1)) + ALIGN;
    uintptr_t end = block + size, have = __builtin_wasm_memory_size(0) * PAGE_BYTES;
    if (end < block) return NULL;
    if (end > have && __builtin_wasm_memory_grow(0, (end - have + PAGE_BYTES - 1) / PAGE_BYTES) == SIZE_MAX)
        return NULL;
    next = end;
    ((size_t *)block)[-1] = size;
    return (void *)block;
}

void *realloc(void *block, size_t size) {
    size_t old = block ? ((size_t *)block)[-1] : 0;
    if (block && size <= old) return block;
    void *moved = malloc(size);
    return moved && block ? memcpy(moved, block, old) : moved;
}

void free(void *block) { (void)block; }

void abort(void) { __builtin_trap(); }

void *memcpy(void *to, const void *from, size_t size) { return __builtin_memcpy(to, from, size); }

void *memset(void *to, int byte, size_t size) { return __builtin_memset(to, byte, size); }

int memcmp(const void *one, const void *other, size_t size) {
    const uint8_t *a = one, *b = other;
    for (; size && *a == *b; size--) a++, b++;
    return size ? *a - *b : 0;
}

size_t strlen(const char *text) {
    size_t length = 0;
    while (text[length]) length++;
    return length;
}

// The bindings ask the linker for the contract's types. `pillarbox plugin build` adds them afterwards.
void __component_type_object_force_link_scorer(void) {}
