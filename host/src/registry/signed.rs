//! Who vouches for a version: asked when it is installed, and again whenever it is loaded, because a key that was
//! trusted then may not be trusted now. What comes with the binary needs no signature.

use crate::app::App;
use crate::plugins::error::Refusal;
use crate::plugins::signature::Verified;
use crate::plugins::{Loaded, PluginId};

/// A signature that holds, with the document to keep.
pub(super) struct Vouched {
    pub(super) document: String,
    pub(super) verified: Verified,
}

/// Looks at a file that is to be installed, before anything of it is parsed.
pub(super) fn before(app: &App, file: &[u8], document: Option<Vec<u8>>) -> Result<Option<Vouched>, String> {
    let verified = app.signatures.check(file, document.as_deref()).map_err(|refusal| told(&refusal))?;
    // What was verified is JSON, and so it is text.
    let document = document.and_then(|document| String::from_utf8(document).ok());
    Ok(verified.zip(document).map(|(verified, document)| Vouched { document, verified }))
}

/// Looks at the plugin that was made of it.
pub(super) fn after(app: &App, vouched: Option<Vouched>, loaded: &Loaded) -> Result<Option<Vouched>, String> {
    let (document, verified) = vouched.map(|vouched| (vouched.document, vouched.verified)).unzip();
    let verified = app.signatures.confirm(verified, loaded).map_err(|refusal| told(&refusal))?;
    Ok(document.zip(verified).map(|(document, verified)| Vouched { document, verified }))
}

/// Looks at an installed version once more, with the keys that are trusted now.
pub(super) async fn still(app: &App, id: &PluginId, file: &[u8]) -> Result<(), String> {
    if !app.signatures.required {
        return Ok(());
    }
    let row = app.store.plugin(id.name.clone(), id.version.clone()).await.map_err(|error| error.to_string())?;
    let Some(row) = row.filter(|row| !row.built_in) else { return Ok(()) };
    let document = row.signature.as_ref().map(String::as_bytes);
    app.signatures.check(file, document).map(drop).map_err(|refusal| told(&refusal))
}

/// The sentence, with the code that names it for programs.
fn told(refusal: &Refusal) -> String {
    format!("{refusal} ({})", refusal.code)
}
