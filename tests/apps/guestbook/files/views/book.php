<!doctype html>
<title>来客帳</title>
<h1>来客帳</h1>
<img src="/stamp.gif" alt="印">
<a href="/about">この帳面について</a>
<?php foreach ($entries as $entry) { ?>
<p><b><?= htmlspecialchars($entry['name']) ?></b>: <?= nl2br(htmlspecialchars($entry['words'])) ?></p>
<?php } ?>
