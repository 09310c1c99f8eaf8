<?php

require_admin();

// List at /admin/events, form at /admin/events/new and /admin/events/{id}

if ($id === null) {
    if (is_post()) {
        check_csrf();
        q('DELETE FROM events WHERE id = ?', [(int)post_str('id')]);
        forget_home();
        flash(t('イベントを削除しました。', 'The event is deleted.'));
        redirect('/admin/events');
    }
    $events = rows('SELECT ' . EVENT_COLUMNS . ' FROM events e ORDER BY e.starts_at DESC');
    $title = t('イベント管理', 'Manage events');
    require ROOT . '/templates/header.php';
    echo '<h1>' . h($title) . '</h1>';
    echo '<p><a href="/admin/events/new">' . t('新しいイベント', 'New event') . '</a></p><table>';
    foreach ($events as $e) {
        echo '<tr><td>' . h(format_datetime($e['starts_at'])) . '</td><td><a href="/admin/events/' . $e['id'] . '">' . h($e['title']) . '</a></td><td>' . h(places_text($e)) . '</td>';
        echo '<td><form method="post">' . csrf_field() . '<input type="hidden" name="id" value="' . $e['id'] . '"><button class="small">' . t('削除', 'delete') . '</button></form></td></tr>';
    }
    echo '</table>';
    require ROOT . '/templates/footer.php';
    return;
}

if ($id === 'new') {
    $event = ['title' => '', 'description' => '', 'place' => '', 'starts_at' => '', 'ends_at' => '', 'capacity' => '', 'organiser_id' => me()['id']];
} else {
    $event = find_event($id);
    if (!$event) {
        not_found();
    }
}

$errors = [];
if (is_post()) {
    check_csrf();
    foreach (['title', 'description', 'place', 'starts_at', 'ends_at', 'capacity', 'organiser_id'] as $field) {
        $event[$field] = post_str($field);
    }
    $starts_at = valid_datetime($event['starts_at']);
    $ends_at = $event['ends_at'] === '' ? null : valid_datetime($event['ends_at']);
    if ($event['title'] === '' || mb_strlen($event['title']) > 150) {
        $errors[] = t('タイトルを入力してください。', 'Please enter a title.');
    }
    if (mb_strlen($event['place']) > 150 || mb_strlen($event['description']) > 5000) {
        $errors[] = t('文章が長すぎます。', 'The text is too long.');
    }
    if (!$starts_at) {
        $errors[] = t('開始日時を入力してください。', 'Please enter when it starts.');
    }
    if ($event['ends_at'] !== '' && (!$ends_at || $ends_at < $starts_at)) {
        $errors[] = t('終了日時が正しくありません。', 'It cannot end before it starts.');
    }
    if ($event['capacity'] !== '' && !preg_match('/^[1-9][0-9]{0,4}$/', $event['capacity'])) {
        $errors[] = t('定員は数字で入力してください。', 'The number of places must be a number.');
    }
    if ($event['organiser_id'] !== '' && !find_member((int)$event['organiser_id'])) {
        $errors[] = t('担当者が見つかりません。', 'This organiser does not exist.');
    }
    if (!$errors) {
        $values = [
            $event['title'],
            $event['description'] === '' ? null : $event['description'],
            $event['place'],
            $starts_at,
            $ends_at,
            $event['capacity'] === '' ? null : (int)$event['capacity'],
            $event['organiser_id'] === '' ? null : (int)$event['organiser_id'],
        ];
        if ($id === 'new') {
            q('INSERT INTO events (title, description, place, starts_at, ends_at, capacity, organiser_id) VALUES (?, ?, ?, ?, ?, ?, ?)', $values);
        } else {
            q('UPDATE events SET title = ?, description = ?, place = ?, starts_at = ?, ends_at = ?, capacity = ?, organiser_id = ? WHERE id = ?', array_merge($values, [$id]));
        }
        forget_home();
        flash(t('イベントを保存しました。', 'The event is saved.'));
        redirect('/admin/events');
    }
    http_response_code(422);
}

$people = rows('SELECT id, name FROM members ORDER BY name_kana, id');

$title = t('イベント編集', 'Edit event');
require ROOT . '/templates/header.php';
?>
<h1><?= h($title) ?></h1>
<?php foreach ($errors as $error): ?><p class="error"><?= h($error) ?></p><?php endforeach ?>
<form method="post">
  <?= csrf_field() ?>
  <label for="title"><?= t('タイトル', 'Title') ?></label>
  <input type="text" name="title" id="title" value="<?= h($event['title']) ?>" maxlength="150" required>
  <label for="description"><?= t('説明', 'Description') ?></label>
  <textarea name="description" id="description" rows="6"><?= h($event['description']) ?></textarea>
  <label for="place"><?= t('場所', 'Place') ?></label>
  <input type="text" name="place" id="place" value="<?= h($event['place']) ?>">
  <label for="starts_at"><?= t('開始', 'Starts') ?></label>
  <input type="datetime-local" name="starts_at" id="starts_at" value="<?= h(substr(str_replace(' ', 'T', (string)$event['starts_at']), 0, 16)) ?>" required>
  <label for="ends_at"><?= t('終了', 'Ends') ?></label>
  <input type="datetime-local" name="ends_at" id="ends_at" value="<?= h(substr(str_replace(' ', 'T', (string)$event['ends_at']), 0, 16)) ?>">
  <label for="capacity"><?= t('定員（空欄は無制限）', 'Places (empty: no limit)') ?></label>
  <input type="number" name="capacity" id="capacity" value="<?= h($event['capacity']) ?>" min="1">
  <label for="organiser_id"><?= t('担当', 'Organiser') ?></label>
  <select name="organiser_id" id="organiser_id">
    <option value=""><?= t('（なし）', '(nobody)') ?></option>
<?php foreach ($people as $p): ?>
    <option value="<?= $p['id'] ?>"<?= $p['id'] == $event['organiser_id'] ? ' selected' : '' ?>><?= h($p['name']) ?></option>
<?php endforeach ?>
  </select>
  <br><button><?= t('保存', 'Save') ?></button>
</form>
<?php require ROOT . '/templates/footer.php';
