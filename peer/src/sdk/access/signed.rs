//! An explanation with a signature: what one peer said, for whoever was not there.
//!
//! ```text
//! file   = line, text
//! line   = "msec explanation ", the signed record in hexadecimal digits, line feed
//! text   = the explanation as JSON, whose BLAKE3 hash the record names
//! ```

use minicbor::{Decode, Encode};
use msec_identity::{PeerId, Record, SpaceId, UnixMillis, Unverified};

use super::error::AccessFailed;
use super::explain::Explanation;
use super::hex;
use crate::sdk::Peer;

const PREFIX: &str = "msec explanation ";

/// "That is what I know", signed by who explains.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
struct Explained {
    #[n(0)]
    space: SpaceId,
    #[n(1)]
    issuer: PeerId,
    #[n(2)]
    at: UnixMillis,
    /// BLAKE3 over the text.
    #[cbor(n(3), with = "minicbor::bytes")]
    text: [u8; 32],
}

impl Record for Explained {
    const DOMAIN: &'static str = "msec/explanation/1";
}

/// An explanation that its peer has signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedExplanation {
    /// What it said.
    pub explanation: Explanation,
    /// The file that shows it.
    pub file: String,
}

impl SignedExplanation {
    /// Reads such a file, and checks that the peer which it names signed exactly this. `None`: it did not.
    pub fn from_file(file: &str) -> Option<Self> {
        let (line, text) = file.split_once('\n')?;
        let record = data_encoding::HEXLOWER.decode(line.strip_prefix(PREFIX)?.as_bytes()).ok()?;
        let record = Unverified::<Explained>::from_bytes(&record).ok()?;
        let issuer = record.claims().issuer;
        let record = record.verify(&issuer).ok()?;
        let explanation: Explanation = serde_json::from_str(text).ok()?;
        let fits = record.text == *blake3::hash(text.as_bytes()).as_bytes()
            && explanation.by == issuer
            && explanation.space == record.space
            && explanation.said_ms == record.at.0;
        fits.then(|| Self { explanation, file: file.to_owned() })
    }
}

impl Peer {
    /// Signs what [`Peer::explain`] said. Whoever is shown the file knows that this peer said so, and not that it is right.
    pub async fn sign_explanation(
        &self,
        explanation: Explanation,
    ) -> Result<SignedExplanation, AccessFailed> {
        let text =
            serde_json::to_string_pretty(&explanation).expect("what is written has names for keys") + "\n";
        let hash = *blake3::hash(text.as_bytes()).as_bytes();
        let (space, at) = (explanation.space, UnixMillis(explanation.said_ms));
        let signed = move |node: &crate::node::Node| {
            node.sign(Explained { space, issuer: node.peer(), at, text: hash }).to_bytes()
        };
        let record = self.look(signed).await?;
        Ok(SignedExplanation { explanation, file: format!("{PREFIX}{}\n{text}", hex::text(&record)) })
    }
}
