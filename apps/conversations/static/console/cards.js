// On a phone, each row of a table is a card. Its cells repeat the heads of their columns, which
// cards.css shows. Without this script, the table scrolls sideways.
'use strict';

for (const table of document.querySelectorAll('#result_list, .console-projects table')) {
    // Beside the text, the head of a column in the admin has icons that sort by it.
    const heads = [...table.tHead.rows[0].cells].map((head) =>
        (head.querySelector('.text') ?? head).textContent.trim(),
    );
    for (const row of table.tBodies[0].rows)
        for (const [column, cell] of [...row.cells].entries()) {
            if (heads[column]) cell.dataset.head = heads[column];
            // The admin shows "-" for nothing.
            cell.classList.toggle('has-nothing', cell.textContent.trim() === '-');
        }
    const all = table.tHead.querySelector('#action-toggle');
    if (all) all.closest('th').dataset.head = all.getAttribute('aria-label');
    table.classList.add('cards');
}
