//! Lines that clients send to the submission server.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pillarbox_fuzz::submission::read_command;

fuzz_target!(|line: &[u8]| read_command(line));
