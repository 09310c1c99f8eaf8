<?php

require_login();
$months = last_months();
$stats = attendance_stats();

$title = t('出席状況', 'Attendance');
require ROOT . '/templates/header.php';
?>
<h1><?= h($title) ?></h1>
<p class="muted"><?= t('過去12か月の来館回数', 'Visits in the last 12 months') ?></p>
<table class="stats">
<tr>
  <th>#</th><th><?= t('名前', 'Name') ?></th>
<?php foreach ($months as $month): ?>
  <th><?= t((int)substr($month, 5) . '月', date('M', strtotime($month . '-01'))) ?></th>
<?php endforeach ?>
  <th><?= t('計', 'Total') ?></th><th><?= t('最終来館', 'Last visit') ?></th>
</tr>
<?php foreach ($stats as $i => $s): ?>
<tr>
  <td><?= $i + 1 ?></td><th><?= member_link($s['member']['id'], $s['member']['name']) ?></th>
<?php foreach ($s['months'] as $n): ?>
  <td><?= $n ?></td>
<?php endforeach ?>
  <td><b><?= $s['total'] ?></b></td><td><?= $s['last'] ? date('Y/m/d', strtotime($s['last'])) : '' ?></td>
</tr>
<?php endforeach ?>
</table>
<?php require ROOT . '/templates/footer.php';
