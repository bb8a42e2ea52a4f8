//! What holds for all connections, and what was sent over them.

use std::time::Duration;

use crate::error::LinkError;
use crate::link::{ClassId, INTERFACES_MAX, Kind, LinkClass, LinkModel};
use crate::wire::Wire;

/// What holds for all connections.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkModel {
    /// Every link of a peer that names no interface, unless another model was set for it.
    pub link: LinkModel,
    /// What interfaces can be plugged into, by their [`ClassId`]s. Default: what is built in.
    pub classes: Vec<LinkClass>,
    /// How long a dial waits for an answer. Default: 5 s, as the driver.
    pub connect_timeout: Duration,
    /// How long a connection stands while nothing comes through. Default: 20 s, as the driver.
    pub idle_timeout: Duration,
    /// What carries messages. Default: a model.
    pub wire: Wire,
}

impl Default for NetworkModel {
    fn default() -> Self {
        Self {
            link: LinkModel::default(),
            classes: LinkClass::built_in(),
            connect_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(20),
            wire: Wire::default(),
        }
    }
}

impl NetworkModel {
    /// The classes that there can be.
    pub const CLASSES_MAX: usize = 64;

    /// Refuses what cannot be simulated.
    pub fn check(&self) -> Result<(), LinkError> {
        if self.classes.len() > Self::CLASSES_MAX {
            return Err(LinkError::Classes { found: self.classes.len() });
        }
        self.classes.iter().try_for_each(LinkClass::check)?;
        self.link.check()
    }

    /// The class of that name.
    pub fn class(&self, name: &str) -> Option<ClassId> {
        let at = self.classes.iter().position(|class| class.name == name)?;
        u8::try_from(at).ok().map(ClassId)
    }

    /// Refuses interfaces of classes that there are not, and too many of them.
    pub(crate) fn check_interfaces(&self, interfaces: &[ClassId]) -> Result<(), LinkError> {
        if interfaces.len() > INTERFACES_MAX {
            return Err(LinkError::Interfaces { found: interfaces.len() });
        }
        match interfaces.iter().find(|class| usize::from(class.0) >= self.classes.len()) {
            Some(class) => Err(LinkError::NoSuchClass { class: *class, classes: self.classes.len() }),
            None => Ok(()),
        }
    }
}

/// What was sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Messages, each once, whether they came or not.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The longest handshake message.
    pub longest_handshake: usize,
    /// The longest other message.
    pub longest_message: usize,
}

impl Traffic {
    pub(crate) fn count(&mut self, kind: Kind, bytes: usize) {
        self.messages += 1;
        self.bytes += bytes as u64;
        let longest = match kind {
            Kind::Handshake => &mut self.longest_handshake,
            Kind::Live | Kind::Chunk => &mut self.longest_message,
        };
        *longest = bytes.max(*longest);
    }
}
