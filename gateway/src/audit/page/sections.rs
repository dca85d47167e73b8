//! The page's sections: which findings are shown, and how each line reads.

use engine::priority::Priority;

use super::super::findings::{Audit, Evidence, Recognised};
use super::super::history::PastCall;
use super::super::mark;
use super::super::wording::Wording;
use super::{Cited, Line, Link, Quote, Said, Section, cite};

/// Emergencies shown; JSON has all of everything.
const EMERGENCIES: usize = 50;
const OTHERS: usize = 12;
const WAITS: usize = 6;
/// Places named of one line.
const ALSO: usize = 6;

struct Pen<'a> {
    calls: &'a [PastCall],
    wording: &'a Wording,
    cited: &'a mut Cited,
}

pub fn of(audit: &Audit, calls: &[PastCall], wording: &Wording, cited: &mut Cited) -> Vec<Section> {
    let mut pen = Pen { calls, wording, cited };
    let all = [
        pen.emergencies(audit),
        pen.others(audit),
        pen.false_alarms(audit),
        pen.silence(audit),
        pen.tools(audit),
        pen.reports(audit),
        pen.endings(audit),
        pen.again(audit),
    ];
    // The figures above link to these three, also when there is nothing in them.
    let linked = ["emergencies", "silence", "reports"];
    all.into_iter().filter(|section| !section.lines.is_empty() || linked.contains(&section.id)).collect()
}

impl Pen<'_> {
    /// Those nobody was told of come first.
    fn emergencies(&mut self, audit: &Audit) -> Section {
        let mut calls: Vec<&Recognised> = audit.emergencies.iter().collect();
        calls.sort_by_key(|call| !call.nobody_told());
        let lines = calls.iter().take(EMERGENCIES).map(|call| self.recognised(call)).collect();
        self.section("emergencies", ["Urgences", "Emergencies"], lines, calls.len())
    }

    fn others(&mut self, audit: &Audit) -> Section {
        let lines = audit.others.iter().take(OTHERS).map(|call| self.recognised(call)).collect();
        self.section("others", ["Plus pressant que la routine", "More urgent than routine"], lines, audit.others.len())
    }

    fn recognised(&mut self, call: &Recognised) -> Line {
        let bad = call.nobody_told() && call.priority == Priority::P1;
        let mut line = self.line(&call.evidence, mark::heard_in(&call.reason));
        line.badge = call.priority.to_string();
        let mut before = self.webhook(self.wording.then(&call.before), if bad { "bad" } else { "" });
        before.links = self.links([&call.before.priority_at, &call.before.alert_at].into_iter().flatten());
        line.rows = vec![self.cordboard(self.wording.here(call)), before];
        line
    }

    fn false_alarms(&mut self, audit: &Audit) -> Section {
        let shown = audit.false_alarms.iter().take(OTHERS);
        let lines = shown.map(|alarm| {
            let [now, before] = self.wording.false_alarm(alarm);
            let mut line = self.line(&alarm.evidence, None);
            line.badge = alarm.priority.unwrap_or(Priority::P4).to_string();
            let mut before = self.webhook(before, "");
            before.links = self.links([&alarm.before_at].into_iter());
            line.rows = vec![self.cordboard(now), before];
            line
        });
        let lines = lines.collect();
        self.section("false-alarms", ["Fausses alarmes", "False alarms"], lines, audit.false_alarms.len())
    }

    fn silence(&mut self, audit: &Audit) -> Section {
        let heard = || audit.silences.iter().filter(|silence| silence.silence_s > 0.0);
        let lines: Vec<Line> = heard()
            .take(WAITS)
            .map(|silence| {
                let text = format!("{} · {}", self.wording.duration(silence.silence_s), silence.tools.join(", "));
                self.plain(&silence.evidence, text)
            })
            .collect();
        let mut section =
            self.section("silence", ["Silence pendant des outils", "Silence while tools ran"], lines, heard().count());
        if !section.lines.is_empty() {
            section.intro = self.wording.silences(&audit.totals);
        }
        section
    }

    fn tools(&mut self, audit: &Audit) -> Section {
        let failed = audit.failed_tools.iter().take(OTHERS);
        let mut lines: Vec<Line> = failed
            .map(|tool| self.plain(&tool.evidence, format!("{}: {}", tool.tool, self.wording.failure(tool.failure))))
            .collect();
        for repeat in audit.repeats.iter().take(OTHERS) {
            let once = match repeat.done_once {
                true => self
                    .wording
                    .say("; fait une fois ici, puis la même réponse", "; done once here, then the same answer"),
                false => "",
            };
            let said = self.wording.say("demandé", "asked");
            let text = format!("{}: {said} {} ×{once}", repeat.tool, repeat.times);
            let mut line = self.plain(&repeat.evidence[0], text);
            line.rows[0].links = self.links(repeat.evidence[1..].iter());
            lines.push(line);
        }
        let all = audit.failed_tools.len() + audit.repeats.len();
        self.section(
            "tools",
            ["Outils en panne ou rappelés pour rien", "Tools that failed, or were asked again"],
            lines,
            all,
        )
    }

    fn reports(&mut self, audit: &Audit) -> Section {
        let without =
            self.wording.say("aucune fin d'appel dans l'enregistrement", "no end of the call in the recording");
        let shown = audit.without_report.iter().take(OTHERS);
        let lines: Vec<Line> = shown.map(|call| self.plain(call, without.to_owned())).collect();
        self.section("reports", ["Appels sans rapport", "Calls without a report"], lines, audit.without_report.len())
    }

    fn endings(&mut self, audit: &Audit) -> Section {
        let told: Vec<_> = audit.endings.iter().filter(|ending| !ending.evidence.is_empty()).collect();
        let lines = told.iter().map(|ending| {
            let calls = self.wording.count(ending.calls, ["appel", "appels", "call", "calls"]);
            let mut line = self
                .plain(&ending.evidence[0], format!("{}: {calls}{}", ending.group, self.wording.fault(ending.fault)));
            line.rows[0].links = self.links(ending.evidence[1..].iter());
            line
        });
        let lines = lines.collect();
        self.section(
            "endings",
            ["Finis en transfert ou par une panne", "Ended in a transfer or a fault"],
            lines,
            told.len(),
        )
    }

    fn again(&mut self, audit: &Audit) -> Section {
        let shown = audit.called_again.iter().take(OTHERS);
        let lines = shown.map(|again| {
            let times = self.wording.count(again.calls.len(), ["appel", "appels", "call", "calls"]);
            let mut line = self.line(&again.calls[0], None);
            line.badge = times;
            line.rows = again.calls[1..].iter().take(ALSO).map(|call| self.said_then(call)).collect();
            line
        });
        let lines = lines.collect();
        self.section(
            "again",
            ["Ont dû rappeler en moins d'un jour", "Had to call again within a day"],
            lines,
            audit.called_again.len(),
        )
    }

    fn section(&self, id: &'static str, [fr, en]: [&str; 2], lines: Vec<Line>, all: usize) -> Section {
        let more = match all - lines.len() {
            0 => String::new(),
            n => self
                .wording
                .say("et {} de plus, dans le JSON", "and {} more, in the JSON")
                .replace("{}", &n.to_string()),
        };
        let intro = if lines.is_empty() { self.wording.say("Rien à signaler.", "Nothing to report.") } else { "" };
        Section { id, title: self.wording.say(fr, en).to_owned(), intro: intro.to_owned(), lines, more }
    }

    fn plain(&mut self, evidence: &Evidence, text: String) -> Line {
        let mut line = self.line(evidence, None);
        (line.quote, line.compact) = (None, true);
        line.rows = vec![Said { label: "", text, tone: "", links: Vec::new() }];
        line
    }

    fn line(&mut self, evidence: &Evidence, heard: Option<&str>) -> Line {
        Line {
            badge: String::new(),
            when: self.calls[evidence.index].began().map_or_else(String::new, |at| self.wording.moment(at)),
            at: evidence.at_s.map_or_else(String::new, Wording::clock),
            href: cite(evidence, heard, self.cited),
            quote: evidence.quote.as_deref().map(|text| Quote::of(text, heard)),
            rows: Vec::new(),
            compact: false,
        }
    }

    fn links<'e>(&mut self, places: impl Iterator<Item = &'e Evidence>) -> Vec<Link> {
        let link = |evidence: &Evidence| {
            let when = self.calls[evidence.index].began().map_or_else(String::new, |at| self.wording.moment(at));
            Link { href: cite(evidence, None, self.cited), text: evidence.at_s.map_or(when, Wording::clock) }
        };
        places.take(ALSO).map(link).collect()
    }

    fn cordboard(&self, text: String) -> Said {
        Said { label: "Cordboard", text, tone: "", links: Vec::new() }
    }

    fn webhook(&self, text: String, tone: &'static str) -> Said {
        Said { label: self.wording.say("Votre webhook", "Your webhook"), text, tone, links: Vec::new() }
    }

    /// What the same caller said the next time.
    fn said_then(&mut self, call: &Evidence) -> Said {
        let text = call.quote.clone().unwrap_or_default();
        let links = self.links([Evidence { at_s: None, ..call.clone() }].iter());
        Said { label: "", text, tone: "", links }
    }
}

impl Quote {
    pub fn of(text: &str, heard: Option<&str>) -> Quote {
        match heard.and_then(|words| mark::find(text, words)) {
            Some(range) => Quote {
                before: text[..range.start].to_owned(),
                heard: text[range.clone()].to_owned(),
                after: text[range.end..].to_owned(),
            },
            None => Quote { before: text.to_owned(), ..Quote::default() },
        }
    }
}
