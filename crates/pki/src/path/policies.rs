//! Certificate policies (RFC 5280 6.1, with the policy graph of RFC 9618 in place of the tree). A graph has at most
//! one node per policy and depth, so that its size is bounded by what the certificates say and not by the product of it.
//! Qualifiers are for people and are passed over.

use std::collections::{BTreeMap, BTreeSet};

use const_oid::ObjectIdentifier;

use super::certificate::PathCertificate;
use super::status::Exhausted;
use super::work::Work;
use crate::oid::ANY_POLICY;
use crate::policy::ValidationPolicy;

/// What policy processing came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PolicyOutcome {
    /// `user-constrained-policy-set` (RFC 5280 6.1.5 (g)); `anyPolicy` as itself.
    pub(super) user_constrained: Vec<ObjectIdentifier>,
    /// What was broken, if anything, and by which certificate, counted from the anchor's child.
    pub(super) fault: Option<(PolicyFault, usize)>,
}

/// Which rule was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PolicyFault {
    /// An explicit policy is needed and there is none (RFC 5280 6.1.3 (f), 6.1.5).
    NoExplicitPolicy,
    /// A mapping from or to `anyPolicy` (RFC 5280 6.1.4 (a)).
    MapsAnyPolicy,
}

impl PolicyFault {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::NoExplicitPolicy => "no_explicit_policy",
            Self::MapsAnyPolicy => "maps_any_policy",
        }
    }
}

/// A node: the policies that the next certificate may name for it, and its parents' policies one level up.
#[derive(Debug, Clone)]
struct Node {
    expected: BTreeSet<ObjectIdentifier>,
    parents: BTreeSet<ObjectIdentifier>,
}

type Level = BTreeMap<ObjectIdentifier, Node>;

/// `valid_policy_graph` and the three counters.
struct State {
    /// From depth 0; `None` is NULL.
    graph: Option<Vec<Level>>,
    explicit_policy: u32,
    inhibit_any_policy: u32,
    policy_mapping: u32,
}

/// Processes the policies of a path, `certificates` from the anchor's child to the leaf.
pub(super) fn process(
    certificates: &[&PathCertificate<'_>],
    policy: &ValidationPolicy,
    work: &mut Work,
) -> Result<PolicyOutcome, Exhausted> {
    let length = u32::try_from(certificates.len()).unwrap_or(u32::MAX);
    let initial = |inhibited: bool| if inhibited { 0 } else { length.saturating_add(1) };
    let root = Node { expected: [ANY_POLICY].into(), parents: BTreeSet::new() };
    let mut state = State {
        graph: Some(vec![Level::from([(ANY_POLICY, root)])]),
        explicit_policy: initial(policy.explicit_policy),
        inhibit_any_policy: initial(policy.inhibit_any_policy),
        policy_mapping: initial(policy.inhibit_policy_mapping),
    };
    let failed =
        |fault, position| PolicyOutcome { user_constrained: Vec::new(), fault: Some((fault, position)) };
    for (position, certificate) in certificates.iter().enumerate() {
        let is_last = position + 1 == certificates.len();
        state.take(certificate, is_last, work)?;
        if state.explicit_policy == 0 && state.graph.is_none() {
            return Ok(failed(PolicyFault::NoExplicitPolicy, position));
        }
        if !is_last && !state.prepare_next(certificate, work)? {
            return Ok(failed(PolicyFault::MapsAnyPolicy, position));
        }
    }
    // 6.1.5 (a), (b).
    let last = certificates.last();
    state.explicit_policy = state.explicit_policy.saturating_sub(1);
    let required = last.and_then(|c| c.extensions.policy_constraints).and_then(|c| c.require_explicit);
    if required == Some(0) {
        state.explicit_policy = 0;
    }
    let user_constrained = state.user_constrained(&policy.initial_policy_set, work)?;
    let kept = state.explicit_policy > 0 || !user_constrained.is_empty();
    let position = certificates.len().saturating_sub(1);
    let fault = (!kept).then_some((PolicyFault::NoExplicitPolicy, position));
    Ok(PolicyOutcome { user_constrained, fault })
}

impl State {
    /// 6.1.3 (d) and (e), as RFC 9618 5.1 has them.
    fn take(
        &mut self,
        certificate: &PathCertificate<'_>,
        is_last: bool,
        work: &mut Work,
    ) -> Result<(), Exhausted> {
        let Some(policies) = &certificate.extensions.policies else {
            self.graph = None;
            return Ok(());
        };
        let Some(graph) = &mut self.graph else { return Ok(()) };
        let Some(above) = graph.last() else { return Ok(()) };
        // Which nodes above expect a policy.
        let mut expecting: BTreeMap<ObjectIdentifier, BTreeSet<ObjectIdentifier>> = BTreeMap::new();
        for (valid, node) in above {
            work.steps(node.expected.len().saturating_add(1))?;
            for expected in &node.expected {
                expecting.entry(*expected).or_default().insert(*valid);
            }
        }
        let node = |policy: ObjectIdentifier, parents: BTreeSet<ObjectIdentifier>| {
            (policy, Node { expected: [policy].into(), parents })
        };
        let mut level = Level::new();
        for policy in policies.iter().filter(|policy| **policy != ANY_POLICY) {
            work.steps(1)?;
            let parents = match expecting.get(policy) {
                Some(parents) => parents.clone(),
                None if above.contains_key(&ANY_POLICY) => [ANY_POLICY].into(),
                None => continue,
            };
            work.steps(parents.len())?;
            level.extend([node(*policy, parents)]);
        }
        let may_be_any = self.inhibit_any_policy > 0 || (!is_last && certificate.is_self_issued());
        if may_be_any && policies.contains(&ANY_POLICY) {
            for (policy, parents) in expecting {
                work.steps(parents.len().saturating_add(1))?;
                if !level.contains_key(&policy) {
                    level.extend([node(policy, parents)]);
                }
            }
        }
        if level.is_empty() {
            self.graph = None;
        } else {
            graph.push(level);
        }
        Ok(())
    }

    /// 6.1.4 (a), (b), (h) to (j); answers whether no mapping names `anyPolicy`.
    fn prepare_next(
        &mut self,
        certificate: &PathCertificate<'_>,
        work: &mut Work,
    ) -> Result<bool, Exhausted> {
        let extensions = &certificate.extensions;
        if let Some(mappings) = &extensions.policy_mappings {
            if mappings.iter().any(|(from, to)| *from == ANY_POLICY || *to == ANY_POLICY) {
                return Ok(false);
            }
            work.steps(mappings.len())?;
            self.map(mappings);
        }
        if !certificate.is_self_issued() {
            for counter in [&mut self.explicit_policy, &mut self.policy_mapping, &mut self.inhibit_any_policy]
            {
                *counter = counter.saturating_sub(1);
            }
        }
        let lower = |counter: &mut u32, to: Option<u32>| *counter = (*counter).min(to.unwrap_or(u32::MAX));
        let constraints = extensions.policy_constraints.unwrap_or_default();
        lower(&mut self.explicit_policy, constraints.require_explicit);
        lower(&mut self.policy_mapping, constraints.inhibit_mapping);
        lower(&mut self.inhibit_any_policy, extensions.inhibit_any_policy);
        Ok(true)
    }

    /// 6.1.4 (b).
    fn map(&mut self, mappings: &[(ObjectIdentifier, ObjectIdentifier)]) {
        let Some(level) = self.graph.as_mut().and_then(|graph| graph.last_mut()) else { return };
        let mut by_issuer: BTreeMap<ObjectIdentifier, BTreeSet<ObjectIdentifier>> = BTreeMap::new();
        for (from, to) in mappings {
            by_issuer.entry(*from).or_default().insert(*to);
        }
        let has_any = level.contains_key(&ANY_POLICY);
        for (from, to) in by_issuer {
            if self.policy_mapping == 0 {
                level.remove(&from);
            } else if let Some(node) = level.get_mut(&from) {
                node.expected = to;
            } else if has_any {
                level.insert(from, Node { expected: to, parents: [ANY_POLICY].into() });
            }
        }
        if level.is_empty() {
            self.graph = None;
        }
    }

    /// 6.1.5 (g), as RFC 9618 5.3 has it.
    fn user_constrained(
        &self,
        initial: &[ObjectIdentifier],
        work: &mut Work,
    ) -> Result<Vec<ObjectIdentifier>, Exhausted> {
        let Some(graph) = &self.graph else { return Ok(Vec::new()) };
        let mut authority_constrained = BTreeSet::new();
        // From the leaf's level up, only what has a child below that counts: nodes without one are pruned
        // (6.1.3 (d)(3)), which changes nothing before this.
        let mut alive: BTreeSet<ObjectIdentifier> =
            graph.last().map(|level| level.keys().copied().collect()).unwrap_or_default();
        if alive.contains(&ANY_POLICY) {
            authority_constrained.insert(ANY_POLICY);
        }
        for level in graph.iter().skip(1).rev() {
            let mut above = BTreeSet::new();
            for (policy, node) in level.iter().filter(|(policy, _)| alive.contains(*policy)) {
                work.steps(node.parents.len().saturating_add(1))?;
                above.extend(node.parents.iter().copied());
                if *policy != ANY_POLICY && node.parents.contains(&ANY_POLICY) {
                    authority_constrained.insert(*policy);
                }
            }
            alive = above;
        }
        if initial.is_empty() || initial.contains(&ANY_POLICY) {
            return Ok(authority_constrained.into_iter().collect());
        }
        let any = authority_constrained.contains(&ANY_POLICY);
        let asked: BTreeSet<_> = initial.iter().copied().collect();
        Ok(asked.into_iter().filter(|policy| any || authority_constrained.contains(policy)).collect())
    }
}
