// Names for the fields and icons that Django's admin leaves without one, for screen readers. It runs
// after the admin's own scripts, which make some of them.
'use strict';

// The icon is the label of the search, and its text is in English in every language.
function nameSearch() {
    const search = document.querySelector('#searchbar');
    search?.setAttribute('aria-label', search.form.querySelector('[type=submit]').value);
}

// "Date:" and "Time:" stand before the fields and are no labels.
function nameDatesAndTimes() {
    for (const field of document.querySelectorAll('p.datetime > input'))
        field.setAttribute('aria-label', field.previousSibling.textContent.trim());
}

// Select2 hides the field that the label belongs to, and puts two of its own in its place.
function nameChoices() {
    for (const select of document.querySelectorAll('select.admin-autocomplete')) {
        const [label] = select.labels;
        label.id ||= `${select.id}-label`;
        const text = select.nextElementSibling.querySelector('[role=textbox]');
        text.setAttribute('aria-labelledby', label.id);
        text.parentElement.setAttribute('aria-labelledby', `${label.id} ${text.id}`);
    }
}

// An icon may have a name only if it is an image.
function nameIcons() {
    for (const icon of document.querySelectorAll('span.help-tooltip[aria-label]'))
        icon.setAttribute('role', 'img');
}

function nameAll() {
    nameSearch();
    nameDatesAndTimes();
    nameChoices();
    nameIcons();
}

// The admin makes its Select2 fields in a function that waits in jQuery's queue, which may end after
// the load event.
window.addEventListener('load', () => {
    const jQuery = window.django?.jQuery;
    if (jQuery) jQuery(nameAll);
    else nameAll();
});
