<?php

$title = t('イベント', 'Events');
require ROOT . '/templates/header.php';

echo '<h1>' . h($title) . '</h1>';
echo '<h2>' . t('今後の予定', 'Coming up') . '</h2>';
$events = upcoming_events();
if ($events) {
    require ROOT . '/templates/event_table.php';
} else {
    echo '<p class="muted">' . t('予定はありません。', 'Nothing planned.') . '</p>';
}

$events = past_events();
if ($events) {
    echo '<h2>' . t('終了したイベント', 'Past events') . '</h2>';
    require ROOT . '/templates/event_table.php';
}

require ROOT . '/templates/footer.php';
