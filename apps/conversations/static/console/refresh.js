// Reloads the page after the seconds in data-seconds, and keeps its scroll position. It waits while
// nobody sees the page.
'use strict';

const {seconds} = document.currentScript.dataset;

setTimeout(() => {
    const reload = () => location.reload();
    if (document.hidden) document.addEventListener('visibilitychange', reload, {once: true});
    else reload();
}, seconds * 1000);
