use super::*;

const SENDER: &str = "+15145550199";
const START: Moment = Duration::from_secs(100);
const MINUTE: Duration = Duration::from_secs(60);

fn fuses() -> [Fuse; 4] {
    let tenant = TenantId::parse("boreal").unwrap();
    let words = Fuse::Words(tenant, Audience::Callers);
    [Fuse::Account, Fuse::Sender(SENDER.into()), Fuse::Route(SENDER.into(), "1".into()), words]
}

fn refused(class: ErrorClass) -> SendOutcome {
    SendOutcome::Rejected { code: 1, class, message: "".into() }
}

fn accepted() -> SendOutcome {
    SendOutcome::Accepted { provider_id: "X1".into() }
}

fn unknown() -> SendOutcome {
    SendOutcome::Unknown { code: None, reason: "no answer".into() }
}

fn open(breakers: &Breakers) -> Vec<FuseKind> {
    breakers.open().into_iter().filter(|(_, count)| *count > 0).map(|(kind, _)| kind).collect()
}

#[test]
fn each_bad_news_opens_what_it_is_about_after_so_many_in_a_row() {
    for (outcome, failures, opens) in [
        (refused(ErrorClass::AccountFault), 1, Some(FuseKind::Account)),
        (unknown(), 5, Some(FuseKind::Account)),
        (refused(ErrorClass::SenderFault), 1, Some(FuseKind::Sender)),
        (refused(ErrorClass::Route), 3, Some(FuseKind::Route)),
        (refused(ErrorClass::TransientCarrier), 3, Some(FuseKind::Route)),
        (refused(ErrorClass::Filtered), 1, Some(FuseKind::Words)),
        (refused(ErrorClass::PermanentRecipient), 100, None),
        (refused(ErrorClass::OptedOut), 100, None),
        (SendOutcome::Throttled { after: None }, 100, None),
        (SendOutcome::NotSent { reason: "".into() }, 100, None),
    ] {
        let mut breakers = Breakers::new(Rules::default());
        (1..failures).for_each(|_| breakers.hears(&fuses(), &outcome, START));
        assert!(opens.is_none() || open(&breakers).is_empty(), "{outcome:?} before");
        breakers.hears(&fuses(), &outcome, START);
        assert_eq!(open(&breakers), Vec::from_iter(opens), "{outcome:?}");
    }
}

#[test]
fn what_the_carrier_is_found_to_have_counts_no_more_and_reopens_nothing() {
    let mut breakers = Breakers::new(Rules::default());
    for _ in 0..10 {
        breakers.hears(&fuses(), &unknown(), START);
        breakers.forgive(&fuses());
    }
    assert!(open(&breakers).is_empty());
    breakers.hears(&fuses(), &refused(ErrorClass::AccountFault), START);
    breakers.forgive(&fuses());
    assert_eq!(open(&breakers), [FuseKind::Account], "a message of before says nothing of now");
}

#[test]
fn only_failures_in_a_row_count() {
    let mut breakers = Breakers::new(Rules::default());
    for _ in 0..10 {
        (0..4).for_each(|_| breakers.hears(&fuses(), &unknown(), START));
        breakers.hears(&fuses(), &accepted(), START);
    }
    assert!(open(&breakers).is_empty());
}

#[test]
fn an_open_one_holds_then_one_probes_and_the_others_follow_when_it_succeeds() {
    let mut breakers = Breakers::new(Rules::default());
    breakers.hears(&fuses(), &refused(ErrorClass::AccountFault), START);
    let probes_at = START + MINUTE;
    assert_eq!(breakers.admits(&fuses(), START), Admission::No(probes_at));
    assert_eq!(breakers.admits(&fuses(), probes_at), Admission::Probe);
    assert_eq!(breakers.admits(&fuses(), probes_at), Admission::Probe, "asking is not trying");
    breakers.takes(&fuses(), probes_at);
    assert_eq!(breakers.admits(&fuses(), probes_at), Admission::No(probes_at + PROBE_WITHIN));
    breakers.hears(&fuses(), &accepted(), probes_at);
    assert_eq!(breakers.admits(&fuses(), probes_at), Admission::Yes);
}

#[test]
fn a_probe_that_fails_doubles_the_pause_up_to_the_longest() {
    let mut breakers = Breakers::new(Rules::default());
    let (mut now, mut pauses) = (START, Vec::new());
    for _ in 0..6 {
        breakers.takes(&fuses(), now);
        breakers.hears(&fuses(), &refused(ErrorClass::AccountFault), now);
        let Admission::No(until) = breakers.admits(&fuses(), now) else { panic!("open") };
        pauses.push((until - now).as_secs() / 60);
        now = until;
    }
    assert_eq!(pauses, [1, 2, 4, 8, 10, 10]);
}

#[test]
fn those_that_had_left_before_it_opened_do_not_make_it_longer() {
    let mut breakers = Breakers::new(Rules::default());
    (0..8).for_each(|_| breakers.hears(&fuses(), &refused(ErrorClass::AccountFault), START));
    assert_eq!(breakers.admits(&fuses(), START), Admission::No(START + MINUTE));
}

#[test]
fn a_probe_that_is_never_answered_gives_way_to_another() {
    let mut breakers = Breakers::new(Rules::default());
    breakers.hears(&fuses(), &refused(ErrorClass::AccountFault), START);
    breakers.takes(&fuses(), START + MINUTE);
    assert_eq!(breakers.admits(&fuses(), START + MINUTE + PROBE_WITHIN), Admission::Probe);
}

#[test]
fn words_nobody_complained_of_after_a_probe_are_well_again() {
    let mut breakers = Breakers::new(Rules::default());
    breakers.hears_later(&fuses(), ErrorClass::Filtered, START);
    let probed_at = START + 15 * MINUTE;
    assert_eq!(breakers.admits(&fuses(), probed_at), Admission::Probe);
    breakers.takes(&fuses(), probed_at);
    breakers.hears(&fuses(), &accepted(), probed_at);
    assert_ne!(breakers.admits(&fuses(), probed_at + MINUTE), Admission::Yes, "it may still be told");
    assert_eq!(breakers.admits(&fuses(), probed_at + PROBE_WITHIN), Admission::Yes);
    breakers.takes(&fuses(), probed_at + PROBE_WITHIN);
    assert!(open(&breakers).is_empty());
}

#[test]
fn what_is_said_to_staff_passes_when_what_is_said_to_callers_is_filtered() {
    let mut breakers = Breakers::new(Rules::default());
    breakers.hears_later(&fuses(), ErrorClass::Filtered, START);
    assert_ne!(breakers.admits(&fuses(), START), Admission::Yes);
    let staff = Fuse::Words(TenantId::parse("boreal").unwrap(), Audience::Staff);
    assert_eq!(breakers.admits(&[Fuse::Account, staff], START), Admission::Yes);
}
