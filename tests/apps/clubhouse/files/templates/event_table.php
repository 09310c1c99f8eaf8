<?php /* needs $events */ ?>
<table>
<tr><th><?= t('日時', 'When') ?></th><th><?= t('イベント', 'Event') ?></th><th><?= t('場所', 'Place') ?></th><th><?= t('担当', 'Organiser') ?></th><th><?= t('定員', 'Places') ?></th></tr>
<?php foreach ($events as $e): ?>
<tr>
  <td><?= h(format_datetime($e['starts_at'])) ?></td>
  <td><a href="/events/<?= $e['id'] ?>"><?= h($e['title']) ?></a></td>
  <td><?= h($e['place']) ?></td>
  <td><?= h($e['organiser_name'] ?? '—') ?></td>
  <td<?= free_places($e) === 0 ? ' class="full"' : '' ?>><?= h(places_text($e)) ?></td>
</tr>
<?php endforeach ?>
</table>
