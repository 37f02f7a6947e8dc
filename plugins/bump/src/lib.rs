//! The allocator of guests that live for one call: it hands out memory from bottom to top and takes none back, because
//! the host drops all of it at once when the call is over.
//!
//! The block that was handed out last is the exception: it can grow where it is and can be returned, which is what
//! growing texts and lists do most. A general allocator costs a call more time than it saves memory.

#![cfg_attr(target_arch = "wasm32", no_std)]

use core::alloc::{GlobalAlloc, Layout};
use core::cell::Cell;

/// Memory that is handed out from bottom to top. A guest makes it its `#[global_allocator]`.
pub struct Bump {
    /// Where the next block begins at the earliest. 0 until the first one is asked for.
    next: Cell<usize>,
    /// Where the memory that the guest has ends.
    end: Cell<usize>,
}

// SAFETY: a guest has one thread. The worlds have no others, and the host's engine has threads switched off.
unsafe impl Sync for Bump {}

impl Bump {
    /// An allocator that has handed nothing out.
    #[must_use]
    pub const fn new() -> Self {
        Self { next: Cell::new(0), end: Cell::new(0) }
    }

    /// The place of a block that begins at `start`; null when the host gives no more memory.
    fn place(&self, start: usize, size: usize) -> *mut u8 {
        let Some(next) = start.checked_add(size) else { return core::ptr::null_mut() };
        if next > self.end.get() && !self.grow_to(next) {
            return core::ptr::null_mut();
        }
        self.next.set(next);
        core::ptr::with_exposed_provenance_mut(start)
    }

    /// Whether `block` is the one that was handed out last.
    fn is_last(&self, block: *mut u8, size: usize) -> bool {
        block.addr() + size == self.next.get()
    }

    #[cold]
    fn grow_to(&self, end: usize) -> bool {
        let pages = (end - self.end.get()).div_ceil(machine::PAGE_BYTES);
        let has_grown = machine::grow(pages);
        if has_grown {
            self.end.set(machine::memory_end());
        }
        has_grown
    }

    #[cold]
    fn begin(&self) {
        self.next.set(machine::heap_base());
        self.end.set(machine::memory_end());
    }
}

impl Default for Bump {
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY: blocks lie between `next` and `end`, are aligned as asked, and no two overlap: `next` only goes back over the
// block that was handed out last, when that one is returned or shrinks.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if self.next.get() == 0 {
            self.begin();
        }
        self.place(self.next.get().next_multiple_of(layout.align()), layout.size())
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if self.is_last(block, layout.size()) {
            self.next.set(block.addr());
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if self.is_last(block, layout.size()) {
            return self.place(block.addr(), size);
        }
        if size <= layout.size() {
            return block;
        }
        // SAFETY: the caller promises that the new size fits the alignment.
        let moved = unsafe { self.alloc(Layout::from_size_align_unchecked(size, layout.align())) };
        if !moved.is_null() {
            // SAFETY: both are blocks of at least the old size, and the new one is not the old one.
            unsafe { core::ptr::copy_nonoverlapping(block, moved, layout.size()) };
        }
        moved
    }
}

#[cfg(target_arch = "wasm32")]
mod machine {
    use core::arch::wasm32::{memory_grow, memory_size};

    pub(super) const PAGE_BYTES: usize = 64 * 1024;

    unsafe extern "C" {
        /// The linker puts it behind the stack and the data.
        static __heap_base: u8;
    }

    pub(super) fn heap_base() -> usize {
        (&raw const __heap_base).expose_provenance()
    }

    /// Where the memory ends.
    pub(super) fn memory_end() -> usize {
        memory_size(0) * PAGE_BYTES
    }

    /// False when the host gives no more.
    pub(super) fn grow(pages: usize) -> bool {
        memory_grow(0, pages) != usize::MAX
    }
}

/// A machine with little memory, one for each thread, so that the allocator can be tested where tests run.
#[cfg(not(target_arch = "wasm32"))]
mod machine {
    use std::cell::Cell;

    pub(super) const PAGE_BYTES: usize = 64 * 1024;
    pub(super) const PAGES_MAX: usize = 4;

    std::thread_local! {
        static BASE: usize = Box::leak(vec![0_u8; PAGES_MAX * PAGE_BYTES].into_boxed_slice()).as_mut_ptr().expose_provenance();
        static PAGES: Cell<usize> = const { Cell::new(1) };
    }

    pub(super) fn heap_base() -> usize {
        BASE.with(|base| *base)
    }

    /// Where the memory ends.
    pub(super) fn memory_end() -> usize {
        heap_base() + PAGES.get() * PAGE_BYTES
    }

    pub(super) fn grow(pages: usize) -> bool {
        let wanted = PAGES.get().saturating_add(pages);
        let is_there = wanted <= PAGES_MAX;
        if is_there {
            PAGES.set(wanted);
        }
        is_there
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(size: usize, align: usize) -> Layout {
        Layout::from_size_align(size, align).expect("it is a layout")
    }

    /// SAFETY of all calls below: the layouts have a size, and each block is used with its own layout.
    fn take(bump: &Bump, size: usize, align: usize) -> *mut u8 {
        unsafe { bump.alloc(layout(size, align)) }
    }

    #[test]
    fn blocks_are_aligned_and_never_overlap() {
        let bump = Bump::new();
        let mut end = 0;
        for (size, align) in [(1, 1), (3, 8), (100, 4), (1, 16), (7, 64)] {
            let block = take(&bump, size, align);
            assert!(block.addr().is_multiple_of(align) && block.addr() >= end, "{size} bytes at {block:?}");
            end = block.addr() + size;
        }
    }

    #[test]
    fn the_last_block_grows_where_it_is_and_another_one_moves_with_its_bytes() {
        let bump = Bump::new();
        let first = take(&bump, 8, 1);
        unsafe { first.write_bytes(7, 8) };
        assert_eq!(unsafe { bump.realloc(first, layout(8, 1), 100) }, first);
        let second = take(&bump, 8, 1);
        let moved = unsafe { bump.realloc(first, layout(100, 1), 200) };
        assert!(moved > second, "{moved:?}");
        assert_eq!(unsafe { std::slice::from_raw_parts(moved, 8) }, [7; 8]);
        assert_eq!(unsafe { bump.realloc(second, layout(8, 1), 4) }, second);
    }

    #[test]
    fn the_last_block_can_be_returned() {
        let bump = Bump::new();
        let block = take(&bump, 1_000, 8);
        unsafe { bump.dealloc(block, layout(1_000, 8)) };
        assert_eq!(take(&bump, 8, 8), block);
    }

    #[test]
    fn all_memory_is_given_and_a_byte_more_is_refused() {
        let bump = Bump::new();
        let all = machine::PAGES_MAX * machine::PAGE_BYTES;
        assert!(take(&bump, all + 1, 1).is_null());
        assert!(take(&bump, usize::MAX / 2, 1).is_null());
        assert!(!take(&bump, all, 1).is_null());
        assert!(take(&bump, 1, 1).is_null());
    }
}
