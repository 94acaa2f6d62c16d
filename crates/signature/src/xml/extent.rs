//! How much of a document its signature protects: what a reader may rely on, not only whether the digests match.
//!
//! Whole: the root element but for the signature; or, where the signature is the root, every object in it. Properties
//! of the signature and its key are not content. Everything else is a part, named by its place: an element that was
//! moved under a new root (XSW 3, 4, 7) is a part, whatever its name says. So is a document of which nobody signed an
//! object of the signature, or an instruction outside of the root: a style sheet makes another text of the same root.

use super::algorithms::{COUNTERSIGNED_TYPE, SIGNED_PROPERTIES_TYPE};
use super::reference::{Document, Target};
use super::structure::{Broken, Parts, Reference, coverage};
use super::tree::{Kind, NodeId};
use super::xades::Qualifying;
use crate::Extent;

/// Parts that are named.
const MAX_NAMED: usize = 8;

/// What the references that hold protect.
pub(super) fn of(
    document: &Document<'_, '_>,
    parts: &Parts,
    qualifying: Option<&Qualifying>,
    references: &[(&Reference<'_>, Option<Target>)],
) -> Result<Extent, Broken> {
    let tree = document.tree;
    let is_own = |id: NodeId| {
        let in_key_info = parts.key_info.is_some_and(|key_info| tree.is_within(id, key_info));
        in_key_info || qualifying.is_some_and(|q| tree.is_within(id, q.properties))
    };
    let mut elements: Vec<NodeId> = Vec::new();
    let mut named: Vec<String> = Vec::new();
    let (mut detached, mut whole) = (false, false);
    let has_instructions = has_instructions_outside(document);
    for (reference, target) in references {
        match target {
            Some(Target::Document { .. }) => whole = true,
            Some(Target::Element { id, .. }) if *id == tree.root && !has_instructions => whole = true,
            Some(Target::External) => detached = true,
            Some(Target::Element { id, .. }) if reference.of_type == Some(COUNTERSIGNED_TYPE) => {
                named.push(format!("the signature {}", tree.path(*id)));
            }
            Some(Target::Element { id, .. })
                if reference.of_type != Some(SIGNED_PROPERTIES_TYPE) && !is_own(*id) =>
            {
                elements.push(*id);
                named.push(tree.path(*id));
            }
            _ => {}
        }
    }
    let all_objects = every_object_is_signed(document, parts, qualifying, &elements);
    if whole {
        return Ok(match all_objects {
            true => Extent::Whole,
            false => Extent::Part("all but an object of the signature that is not signed".to_owned()),
        });
    }
    if detached {
        return Ok(Extent::Detached);
    }
    if named.is_empty() {
        return coverage("nothing is signed but the signature's own properties");
    }
    if parts.signature == tree.root && all_objects && !has_instructions {
        return Ok(Extent::Whole);
    }
    let more = named.len() > MAX_NAMED;
    named.truncate(MAX_NAMED);
    if more {
        named.push("…".to_owned());
    }
    Ok(Extent::Part(named.join(", ")))
}

/// Whether an instruction stands before or behind the root element.
fn has_instructions_outside(document: &Document<'_, '_>) -> bool {
    let outside = document.tree.nodes.iter().filter(|node| node.parent.is_none());
    outside.into_iter().any(|node| matches!(node.kind, Kind::Instruction { .. }))
}

/// Whether each object but the one of the qualifying properties is signed, itself or all that it holds.
fn every_object_is_signed(
    document: &Document<'_, '_>,
    parts: &Parts,
    qualifying: Option<&Qualifying>,
    signed: &[NodeId],
) -> bool {
    let tree = document.tree;
    parts.objects.iter().all(|object| {
        signed.contains(object)
            || tree.only_elements(*object).is_some_and(|held| {
                let of_properties = |id: &NodeId| qualifying.is_some_and(|q| q.properties == *id);
                held.iter().all(|id| signed.contains(id) || of_properties(id))
            })
    })
}
