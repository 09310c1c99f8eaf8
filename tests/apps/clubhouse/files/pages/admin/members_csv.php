<?php

require_admin();

header('Content-Type: text/csv; charset=utf-8');
header('Content-Disposition: attachment; filename="members-' . date('Ymd') . '.csv"');
echo "\xEF\xBB\xBF"; // Excel wants it
$out = fopen('php://output', 'w');
fputcsv($out, ['会員番号', '氏名', 'フリガナ', 'メール', '電話番号', '生年月日', '入会日'], ',', '"', '');
foreach (rows('SELECT * FROM members ORDER BY card_no') as $m) {
    fputcsv($out, [$m['card_no'], $m['name'], $m['name_kana'], $m['email'], $m['phone'], $m['birthday'], $m['joined_on']], ',', '"', '');
}
fclose($out);
