//! Streets while they are drawn: points that are almost one become one, and the largest connected part is kept.

use std::collections::{BTreeMap, BTreeSet};

use super::point::{Point, length_m};
use super::streets::{Segment, StreetClass, Streets};

/// Streets under way: points, and straight edges between them.
#[derive(Debug)]
pub(crate) struct Draft {
    snap_m: f64,
    points: Vec<Point>,
    /// Points by the square of side `snap_m` in which they lie.
    squares: BTreeMap<(i64, i64), Vec<usize>>,
    edges: Vec<(usize, usize, StreetClass)>,
    known: BTreeSet<(usize, usize)>,
}

impl Draft {
    /// A draft in which points nearer than `snap_m` are one.
    pub(crate) fn new(snap_m: f64) -> Self {
        Self {
            snap_m,
            points: Vec::new(),
            squares: BTreeMap::new(),
            edges: Vec::new(),
            known: BTreeSet::new(),
        }
    }

    /// The point there: a known one if there is one near.
    pub(crate) fn point(&mut self, at: Point) -> usize {
        let (column, row) = ((at.x_m / self.snap_m).floor() as i64, (at.y_m / self.snap_m).floor() as i64);
        let around = (-1..=1)
            .flat_map(|dx| (-1..=1).map(move |dy| (column.saturating_add(dx), row.saturating_add(dy))));
        let near = around.flat_map(|square| self.squares.get(&square).into_iter().flatten().copied());
        let near = near.map(|n| (self.points[n].distance2(at), n));
        let near = near.filter(|(distance2, _)| *distance2 < self.snap_m * self.snap_m);
        if let Some((_, known)) = near.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))) {
            return known;
        }
        let new = self.points.len();
        self.points.push(at);
        self.squares.entry((column, row)).or_default().push(new);
        new
    }

    /// A straight piece of street. One that is there already is not drawn again.
    pub(crate) fn edge(&mut self, a: usize, b: usize, class: StreetClass) {
        if a != b && self.known.insert((a.min(b), a.max(b))) {
            self.edges.push((a, b, class));
        }
    }

    /// A street along these points.
    pub(crate) fn line(&mut self, points: impl IntoIterator<Item = Point>, class: StreetClass) {
        let mut last = None;
        for at in points {
            let next = self.point(at);
            if let Some(last) = last {
                self.edge(last, next, class);
            }
            last = Some(next);
        }
    }

    /// The streets: the largest connected part, with each point that only bends a street inside its segment. `bend` moves
    /// all points at the end, so that it can't tear apart what was joined.
    pub(crate) fn finish(mut self, bend: impl Fn(Point) -> Point) -> Streets {
        self.points.iter_mut().for_each(|at| *at = bend(*at));
        self.keep_largest_part();
        let mut around: Vec<Vec<usize>> = vec![Vec::new(); self.points.len()];
        for (n, (a, b, _)) in self.edges.iter().enumerate() {
            around[*a].push(n);
            around[*b].push(n);
        }
        let mut weaver = Weaver {
            names: BTreeMap::new(),
            used: vec![false; self.edges.len()],
            streets: Streets::default(),
            around,
            draft: self,
        };
        weaver.weave();
        weaver.streets
    }

    fn keep_largest_part(&mut self) {
        let mut leader: Vec<usize> = (0..self.points.len()).collect();
        let find = |leader: &mut Vec<usize>, mut n: usize| {
            while leader[n] != n {
                leader[n] = leader[leader[n]];
                n = leader[n];
            }
            n
        };
        for (a, b, _) in &self.edges {
            let (a, b) = (find(&mut leader, *a), find(&mut leader, *b));
            leader[a.max(b)] = a.min(b);
        }
        let mut lengths: BTreeMap<usize, f64> = BTreeMap::new();
        for (a, b, _) in &self.edges {
            *lengths.entry(find(&mut leader, *a)).or_default() += self.points[*a].distance_m(self.points[*b]);
        }
        // The first of equals.
        let largest = lengths.iter().rev().max_by(|a, b| a.1.total_cmp(b.1)).map(|(part, _)| *part);
        self.edges.retain(|(a, _, _)| Some(find(&mut leader, *a)) == largest);
    }
}

/// Makes segments of chains of edges.
struct Weaver {
    draft: Draft,
    around: Vec<Vec<usize>>,
    used: Vec<bool>,
    /// Points that have become junctions.
    names: BTreeMap<usize, usize>,
    streets: Streets,
}

impl Weaver {
    fn weave(&mut self) {
        for point in 0..self.around.len() {
            if self.is_junction(point) {
                self.follow_all(point);
            }
        }
        // What is left are rings without a junction: any of their points is as good.
        for edge in 0..self.used.len() {
            if !self.used[edge] {
                let start = self.draft.edges[edge].0;
                self.follow_all(start);
            }
        }
    }

    /// Streets end here, fork or change their class.
    fn is_junction(&self, point: usize) -> bool {
        match self.around[point].as_slice() {
            [] => false,
            [a, b] => self.draft.edges[*a].2 != self.draft.edges[*b].2,
            _ => true,
        }
    }

    fn follow_all(&mut self, start: usize) {
        for edge in self.around[start].clone() {
            if !self.used[edge] {
                self.follow(start, edge);
            }
        }
    }

    /// From a junction along an edge to the next junction, or back to the start of a ring.
    fn follow(&mut self, start: usize, mut edge: usize) {
        let class = self.draft.edges[edge].2;
        let (mut line, mut at) = (vec![self.draft.points[start]], start);
        loop {
            self.used[edge] = true;
            let (a, b, _) = self.draft.edges[edge];
            at = if at == a { b } else { a };
            line.push(self.draft.points[at]);
            if at == start || self.is_junction(at) {
                break;
            }
            let Some(next) = self.around[at].iter().copied().find(|next| !self.used[*next]) else { break };
            edge = next;
        }
        let (from, to) = (self.junction(start), self.junction(at));
        let segment = self.streets.segments.len();
        self.streets.around[from].push(segment);
        if from != to {
            self.streets.around[to].push(segment);
        }
        self.streets.segments.push(Segment { from, to, class, length_m: length_m(&line), line });
    }

    fn junction(&mut self, point: usize) -> usize {
        let next = self.names.len();
        let name = *self.names.entry(point).or_insert(next);
        if name == next {
            self.streets.junctions.push(self.draft.points[point]);
            self.streets.around.push(Vec::new());
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x: i32, y: i32) -> Point {
        Point::new(f64::from(x), f64::from(y))
    }

    #[test]
    fn what_almost_meets_meets_and_islands_are_left_out() {
        let mut draft = Draft::new(2.0);
        draft.line([at(0, 0), at(50, 1), at(100, 0)], StreetClass::Street);
        draft.line([at(101, 0), at(100, 80)], StreetClass::Street);
        draft.line([at(99, 1), at(180, 0)], StreetClass::Street);
        draft.line([at(500, 500), at(520, 500)], StreetClass::Street);
        let streets = draft.finish(|at| at);
        assert_eq!((streets.junctions().len(), streets.segments().len()), (4, 3));
        assert_eq!(streets.segments()[0].line.len(), 3, "a bend is no junction");
        let fork = streets.junctions().iter().position(|other| *other == at(100, 0)).expect("the fork");
        assert_eq!(streets.around(fork).len(), 3);
        assert_eq!(streets.around(99), [0; 0]);
    }

    #[test]
    fn a_ring_without_a_junction_is_one_segment() {
        let mut draft = Draft::new(1.0);
        draft.line([at(0, 0), at(90, 0), at(90, 90), at(0, 90), at(0, 0)], StreetClass::Path);
        let streets = draft.finish(|at| at);
        assert_eq!((streets.junctions().len(), streets.segments().len()), (1, 1));
        assert_eq!((streets.length_m(), streets.around(0).len()), (360.0, 1));
        assert_eq!(streets.segments()[0].middle(), at(90, 90));
    }

    #[test]
    fn a_change_of_class_is_a_junction() {
        let mut draft = Draft::new(1.0);
        draft.line([at(0, 0), at(90, 0)], StreetClass::Street);
        draft.line([at(90, 0), at(190, 0)], StreetClass::Path);
        assert_eq!(draft.finish(|at| at).junctions().len(), 3);
    }

    #[test]
    fn nothing_drawn_is_no_street() {
        assert!(Draft::new(1.0).finish(|at| at).segments().is_empty());
    }
}
