//! What models call the arguments that several tools read, written folded: one list per thing, the likeliest name first.
//! A name that one tool understands is understood by all.

#[rustfmt::skip]
pub const NAME: [&str; 9] = [
    "name", "nom", "fullname", "nomcomplet", "clientname", "customername", "callername", "client", "contactname",
];
#[rustfmt::skip]
pub const PHONE: [&str; 11] = [
    "phone", "telephone", "phonenumber", "clientphone", "customerphone", "callback", "callbacknumber", "callbackphone",
    "tel", "numero", "number",
];
pub const ADDRESS: [&str; 7] =
    ["address", "adresse", "clientaddress", "customeraddress", "fulladdress", "adressecomplete", "serviceaddress"];
#[rustfmt::skip]
pub const POSTAL_CODE: [&str; 9] = [
    "postalcode", "codepostal", "clientpostalcode", "customerpostalcode", "postal", "zip", "zipcode", "postcode", "fsa",
];
pub const SERVICE: [&str; 6] =
    ["servicetype", "service", "typeservice", "typedeservice", "servicename", "servicerequested"];
/// The caller's problem, in their words.
pub const DESCRIPTION: [&str; 7] =
    ["description", "probleme", "problem", "problemdescription", "details", "besoin", "situation"];
pub const PRIORITY: [&str; 5] = ["priority", "priorite", "urgence", "urgency", "level"];
/// A flag, or the level itself.
#[rustfmt::skip]
pub const EMERGENCY: [&str; 9] = [
    "isemergency", "emergency", "isurgent", "urgent", "urgence", "urgency", "urgencylevel", "priority", "priorite",
];
