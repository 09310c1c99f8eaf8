//! Breadth-first search of everything a model can come to. The first wrong thing found is the one with the shortest way to it.

use std::{
    collections::{HashMap, VecDeque},
    fmt::{self, Debug},
    hash::Hash,
    rc::Rc,
};

/// A machine that takes one step at a time. Where several could be taken, each is tried.
pub(crate) trait Model {
    type State: Eq + Hash;
    type Action: Copy + Debug;

    fn initial(&self) -> Self::State;
    /// What may happen next, and what it leads to.
    fn steps(&self, state: &Self::State) -> Vec<(Self::Action, Self::State)>;
    /// What must not have come about by this step.
    fn wrong(&self, before: &Self::State, after: &Self::State) -> Option<&'static str>;
    /// Nothing needs to happen any more. From every state, one of these must be in reach.
    fn settled(&self, state: &Self::State) -> bool;
}

/// All that can come about, when nothing of it is wrong.
pub(crate) struct Explored<S> {
    pub(crate) states: Vec<Rc<S>>,
}

impl<S> Explored<S> {
    /// Whether this can happen. A rule about what never happens says nothing otherwise.
    pub(crate) fn can(&self, happen: impl Fn(&S) -> bool) -> bool {
        self.states.iter().any(|state| happen(state))
    }
}

/// Something wrong, and the shortest way to it.
pub(crate) struct Found<A> {
    pub(crate) wrong: &'static str,
    pub(crate) way: Vec<A>,
}

impl<A: Debug> Debug for Found<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}:", self.wrong)?;
        self.way.iter().try_for_each(|action| writeln!(f, "    {action:?}"))
    }
}

/// What is wrong with a state from which nothing settled can be reached.
pub(crate) const STUCK: &str = "it can never end";

/// Searches the whole model.
pub(crate) fn explore<M: Model>(model: &M) -> Result<Explored<M::State>, Found<M::Action>> {
    let mut search = Search { numbers: HashMap::new(), states: vec![], came_by: vec![], came_from: vec![] };
    search.number(Rc::new(model.initial()), None);
    let mut next = 0;
    // States are looked at in the order in which they were found.
    while let Some(state) = search.states.get(next).map(Rc::clone) {
        for (action, after) in model.steps(&state) {
            let wrong = model.wrong(&state, &after);
            let after = search.number(Rc::new(after), Some((next, action)));
            search.came_from[after].push(next);
            if let Some(wrong) = wrong {
                let mut way = search.way(next);
                way.push(action);
                return Err(Found { wrong, way });
            }
        }
        next += 1;
    }
    match search.first_stuck(|state| model.settled(state)) {
        Some(stuck) => Err(Found { wrong: STUCK, way: search.way(stuck) }),
        None => Ok(Explored { states: search.states }),
    }
}

/// States by number, in the order in which they were found.
struct Search<S, A> {
    numbers: HashMap<Rc<S>, usize>,
    states: Vec<Rc<S>>,
    /// How each was reached first.
    came_by: Vec<Option<(usize, A)>>,
    /// All states that lead to it.
    came_from: Vec<Vec<usize>>,
}

impl<S: Eq + Hash, A: Copy> Search<S, A> {
    fn number(&mut self, state: Rc<S>, by: Option<(usize, A)>) -> usize {
        if let Some(&known) = self.numbers.get(&state) {
            return known;
        }
        let number = self.states.len();
        self.numbers.insert(Rc::clone(&state), number);
        self.states.push(state);
        self.came_by.push(by);
        self.came_from.push(vec![]);
        number
    }

    fn way(&self, to: usize) -> Vec<A> {
        let mut way: Vec<A> = std::iter::successors(self.came_by[to], |(from, _)| self.came_by[*from])
            .map(|(_, action)| action)
            .collect();
        way.reverse();
        way
    }

    /// Walks backwards from all that is settled; the first state that is not met is stuck.
    fn first_stuck(&self, settled: impl Fn(&S) -> bool) -> Option<usize> {
        let mut safe: Vec<bool> = self.states.iter().map(|state| settled(state)).collect();
        let mut open: VecDeque<usize> = (0..safe.len()).filter(|&number| safe[number]).collect();
        while let Some(number) = open.pop_front() {
            for &before in &self.came_from[number] {
                if !std::mem::replace(&mut safe[before], true) {
                    open.push_back(before);
                }
            }
        }
        safe.iter().position(|safe| !safe)
    }
}
