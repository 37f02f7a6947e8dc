//! Messages that clients send behind DATA, in pieces of any size.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pillarbox_fuzz::submission::read_content;

fuzz_target!(|input: (Vec<u8>, Vec<u8>)| read_content(&input.0, &input.1));
