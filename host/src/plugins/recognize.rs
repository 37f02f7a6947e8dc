//! What a file is, from its first bytes and its outline, so that the wrong file is answered in words.

use super::error::Refusal;

const MAGIC: &[u8; 4] = b"\0asm";
const CORE_VERSION: [u8; 4] = [1, 0, 0, 0];
const COMPONENT_VERSION: [u8; 4] = [13, 0, 1, 0];
const HEADER_BYTES: usize = 8;
/// How much of a file is looked at to tell text from noise.
const LOOK_BYTES: usize = 1024;

/// The two kinds of WebAssembly that a plugin can come as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A module as the compiler leaves it. The host makes a component of it.
    CoreModule,
    Component,
}

/// Which form this is. Its outline is whole: no section reaches past the end.
pub(super) fn recognize(bytes: &[u8]) -> Result<Form, Refusal> {
    if !bytes.starts_with(MAGIC) {
        return Err(not_wasm(bytes));
    }
    let form = match bytes.get(MAGIC.len()..HEADER_BYTES) {
        Some(version) if version == CORE_VERSION => Form::CoreModule,
        Some(version) if version == COMPONENT_VERSION => Form::Component,
        Some(version) => {
            let message = format!("it is WebAssembly of a version that is not known here: {version:?}");
            return Err(Refusal::new("not_wasm", message));
        }
        None => return Err(cut_off(HEADER_BYTES - bytes.len())),
    };
    match missing_bytes(&bytes[HEADER_BYTES..]) {
        Some(missing) => Err(cut_off(missing)),
        None => Ok(form),
    }
}

fn cut_off(missing: usize) -> Refusal {
    let message = format!("the file is cut off: at least {missing} more bytes belong to it");
    Refusal::new("truncated", message)
}

fn not_wasm(bytes: &[u8]) -> Refusal {
    let look = &bytes[..bytes.len().min(LOOK_BYTES)];
    let text = match std::str::from_utf8(look) {
        Ok(text) => text,
        // The look may have ended inside a character.
        Err(error) if error.error_len().is_none() => std::str::from_utf8(&look[..error.valid_up_to()]).unwrap_or(""),
        Err(_) => "",
    };
    let code = text.lines().map(str::trim_start).find(|line| !line.is_empty() && !line.starts_with(";;"));
    if bytes.is_empty() {
        Refusal::new("not_wasm", "the file is empty")
    } else if bytes.iter().all(|byte| *byte == 0) {
        Refusal::new("not_wasm", format!("the file is {} zeros", bytes.len()))
    } else if code.is_some_and(|line| ["(module", "(component", "(;"].iter().any(|start| line.starts_with(start))) {
        Refusal::new("text_format", "this is the text format of WebAssembly; turn it into the binary one with wat2wasm")
    } else if look.starts_with(b"\x1f\x8b") || look.starts_with(b"PK\x03\x04") {
        Refusal::new("not_wasm", "this is an archive; unpack it and send the .wasm file")
    } else if look.starts_with(b"\x7fELF") {
        Refusal::new("not_wasm", "this is a native program; build it for wasm32-unknown-unknown")
    } else if !text.is_empty() && !text.contains('\0') {
        Refusal::new("not_wasm", "this is a text, not WebAssembly")
    } else {
        Refusal::new("not_wasm", "this is not WebAssembly: it does not begin with `\\0asm`")
    }
}

/// How many bytes the last section lacks, if it lacks any.
fn missing_bytes(mut rest: &[u8]) -> Option<usize> {
    while let Some((_kind, after)) = rest.split_first() {
        let Some((length, after)) = leb_u32(after) else { return Some(1) };
        let length = length as usize;
        match after.get(length..) {
            Some(next) => rest = next,
            None => return Some(length - after.len()),
        }
    }
    None
}

/// A number in LEB128, and what follows it. `None` when it does not end within five bytes.
fn leb_u32(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let mut value = 0_u32;
    for (index, byte) in bytes.iter().enumerate().take(5) {
        value |= u32::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[index + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(bytes: &[u8], code: &str, message: &str) {
        let refusal = recognize(bytes).unwrap_err();
        assert_eq!((refusal.code, refusal.message.as_str()), (code, message));
    }

    #[test]
    fn a_file_that_is_not_wasm_is_answered_with_what_it_is() {
        refused(b"", "not_wasm", "the file is empty");
        refused(&vec![0; 1_000_000], "not_wasm", "the file is 1000000 zeros");
        refused(b"Dear team,\nhere is the plugin.", "not_wasm", "this is a text, not WebAssembly");
        refused(&"ä".repeat(700).into_bytes()[..], "not_wasm", "this is a text, not WebAssembly");
        refused(b"\x1f\x8b\x08", "not_wasm", "this is an archive; unpack it and send the .wasm file");
        refused(b"\x7fELF\x02\x01", "not_wasm", "this is a native program; build it for wasm32-unknown-unknown");
        refused(b"\xff\x00\x01", "not_wasm", "this is not WebAssembly: it does not begin with `\\0asm`");
    }

    #[test]
    fn the_text_format_is_told_from_other_text() {
        let message = "this is the text format of WebAssembly; turn it into the binary one with wat2wasm";
        refused(b"(module)", "text_format", message);
        refused(b"\n  ;; a plugin\n\n  (component $x\n", "text_format", message);
        refused(b"module", "not_wasm", "this is a text, not WebAssembly");
    }

    #[test]
    fn a_file_that_ends_early_is_told_how_much_is_missing() {
        refused(b"\0asm\x01", "truncated", "the file is cut off: at least 3 more bytes belong to it");
        let mut custom = b"\0asm\x01\0\0\0\0\x05\x01x".to_vec();
        refused(&custom, "truncated", "the file is cut off: at least 3 more bytes belong to it");
        custom.extend(b"abc");
        assert_eq!(recognize(&custom), Ok(Form::CoreModule));
        custom.push(0);
        refused(&custom, "truncated", "the file is cut off: at least 1 more bytes belong to it");
    }

    #[test]
    fn both_forms_are_known_by_their_header_and_others_are_not() {
        assert_eq!(recognize(b"\0asm\x01\0\0\0"), Ok(Form::CoreModule));
        assert_eq!(recognize(b"\0asm\x0d\0\x01\0"), Ok(Form::Component));
        let message = "it is WebAssembly of a version that is not known here: [2, 0, 0, 0]";
        refused(b"\0asm\x02\0\0\0", "not_wasm", message);
    }
}
