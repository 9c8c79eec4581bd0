"""Words that abstain, in several languages: what `_refusal` looks for."""

from enum import Enum

from mma_bench.parsing._normalise import clean, split
from mma_bench.parsing._vocabulary import vocabulary


class Abstention(Enum):
    """Kinds of abstention."""

    NONE = "none of the options applies"
    UNKNOWN = "the model cannot tell"
    ABSENT = "there is nothing to see or hear"


# Phrases that abstain anywhere in a text, by their first word. Contractions are already expanded.
PHRASES: dict[Abstention, str] = {
    Abstention.NONE: """
        none of the | none of these | none of those | none of them | none of above | none above
        none applies | none apply | none match | none matches | none fit | none fits | none is correct
        not any of the | not any of these | nothing matches | no match | no valid | not listed
        not in the list | no answer | options do not | no option | no class | no category | no label
        no suitable | no appropriate | no matching | aucune des | aucun des | aucune de ces
        ninguna de las | ninguno de los | keine der | nessuna delle | ничего из | 以 上 都 不 是 | 以 上 都 不
        都 不 是""",
    Abstention.UNKNOWN: """
        not sure | not certain | not clear | not entirely sure | not entirely clear | not completely sure
        not possible to | not enough | not known | not specified | insufficient | no idea | impossible to
        hard to tell | hard to say | difficult to tell | difficult to say | difficult to determine
        unable to | not able to | not capable of | n a | not applicable | inconclusive | unclear what
        is unclear | is unknown | am unsure | is uncertain | as an ai | as a language model
        as a text based | do not have access | do not have the ability | do not have the capability
        i decline | i refuse | must decline | will not answer | je ne sais pas | je ne peux pas
        impossible de | no sé | no puedo | no se puede | no es posible | weiss nicht
        kann nicht | non lo so | non posso | não sei | não posso | не знаю | не могу | невозможно | 无 法
        不 知 道 | 不 确 定 | 不 清 楚 | 分 か り ま せ ん | わ か り ま せ ん""",
    Abstention.ABSENT: """
        complete silence | total silence | only silence | just silence | pure silence | is silence
        is silent | was silent | are silent | completely silent | entirely silent | no sound | no sounds
        no audio | no visual | no visuals | no video | no image | no images | no picture | no audible
        no discernible | no visible content | nothing audible | nothing visible | nothing is audible
        nothing is visible | hear nothing | see nothing | hearing nothing | seeing nothing
        nothing to see | nothing to hear | nothing can be heard | nothing can be seen
        nothing is heard | nothing is seen | nothing heard | nothing seen | without sound | without audio
        without any sound | without any audio | black screen | blank screen | black frames | black frame
        black video | blank video | silent video | silent audio | silent clip | lack of audio
        absence of sound | aucun son | pas de son | sin sonido | no hay sonido | kein ton
        keine geräusche | nessun suono | 没 有 声 音 | 没 有 画 面 | 黑 屏 | 静 音 | 无 声 | нет звука""",
}
# Phrases of other languages that abstain unless they speak of an option: "no oigo nada", but not "no oigo un Cat".
OTHER_LANGUAGES: dict[Abstention, str] = {
    Abstention.NONE: """
        aucune de ces | aucune option | ninguna opción | ninguna de estas | ninguna de las | keine dieser
        keine davon | keine der optionen | nenhuma das | nenhum dos | nenhuma opção | nessuna di queste
        ни один из | ни одна из | geen van de | geen van deze | żadna z | żadne z | 该 当 な し | 該 当 な し
        해당 없음 | 해당 사항 없음 | 没 有 一 个 选 项 | 没 有 匹 配 | 沒 有 匹 配 | 都 不 符 合""",
    Abstention.UNKNOWN: """
        sais pas | ne peux pas | pas possible de | aucune idée | suis pas sûr | suis pas certain | pas capable de
        weiss es nicht | weiss ich nicht | weiss nicht | keine ahnung | nicht erkennbar | nicht bestimmbar
        nicht sicher | lässt sich nicht | nicht möglich | nicht in der lage | nicht beantworten | no lo sé
        no tengo idea | ni idea | no estoy seguro | no estoy segura | no puedo determinar | no es posible
        não tenho certeza | não consigo | não é possível | não faço ideia | sem ideia | non so | non riesco
        non è possibile | non sono sicuro | non sono sicura | impossibile | затрудняюсь | нельзя определить
        невозможно определить | не уверен | не уверена | не удается | weet het niet | weet ik niet | geen idee
        nie wiem | nie mogę | nie jestem w stanie | nie da się | bilmiyorum | emin değilim | belirleyemiyorum
        لا أعرف | لا أستطيع | لا يمكنني | لا أدري | पता नहीं | नहीं बता सकता | नहीं बता सकती | không biết
        không thể xác định | không chắc | tidak tahu | tidak dapat | tidak yakin | vet inte
        判 断 で き ま せ ん | 判 断 で き な い | 特 定 で き ま せ ん | 特 定 で き な い
        答 え ら れ ま せ ん | 分 か ら な い | わ か ら な い | 不 明 で す | 알 수 없습니다 | 알 수 없어요
        알 수 없다 | 알 수 없음 | 모르겠습니다 | 모르겠어요 | 판단할 수 없습니다 | 확인할 수 없습니다
        구별할 수 없습니다 | 답할 수 없습니다 | 不 能 确 定 | 不 能 判 断 | 难 以 判 断 | 难 以 确 定
        不 能 確 定 | 無 法 | 不 確 定 | 看 不 出 来 | 听 不 出 来 | 听 不 清 | 看 不 清""",
    Abstention.ABSENT: """
        entends rien | vois rien | rien entendre | rien voir | rien à entendre | rien à voir | aucune image
        aucune vidéo | aucun bruit | aucun audio | aucun contenu | pas de bruit | pas d audio | pas d image
        pas de vidéo | écran noir | höre nichts | sehe nichts | höre gar nichts | sehe gar nichts | nichts hören
        nichts sehen | nichts zu hören | nichts zu sehen | kein geräusch | kein audio | kein bild | keine tonspur
        keinen ton | keinen laut | kein geräusche | ist stumm | schwarzer bildschirm | no oigo nada
        no escucho nada | no veo nada | no se oye nada | no se escucha nada | no se ve nada | no hay audio
        no hay imagen | no hay imágenes | no hay video | no hay vídeo | no hay ningún sonido | ningún sonido
        ninguna imagen | sin audio | sin imagen | pantalla negra | puedo oír nada | puedo escuchar nada
        puedo ver nada | não ouço nada | não escuto nada | não vejo nada | não há som | não há áudio
        não há imagem | não há nenhum som | nenhum som | nenhuma imagem | sem som | sem áudio | sem imagem
        tela preta | ouvir nada | ver nada | non sento nulla | non sento niente | non vedo nulla
        non vedo niente | nessun audio | nessuna immagine | nessun rumore | sentire nulla | sentire niente
        vedere nulla | vedere niente | schermo nero | ничего не слышу | ничего не слышно | ничего не вижу
        ничего не видно | не слышу ничего | не вижу ничего | не слышу никаких | не слышно никаких
        никаких звуков | звука нет | нет изображения | нет звуков | чёрный экран | hoor niets | zie niets
        geen geluid | geen audio | geen beeld | nic nie słyszę | nic nie widzę | nie słyszę nic | nie widzę nic
        brak dźwięku | brak obrazu | hiçbir şey duymuyorum | hiçbir şey görmüyorum | ses yok | görüntü yok
        duyamıyorum | göremiyorum | لا أسمع | لا أرى | لا يوجد صوت | لا توجد صورة | कुछ सुनाई नहीं
        कुछ दिखाई नहीं | कोई आवाज़ नहीं | सुनाई नहीं दे | दिखाई नहीं दे | không nghe thấy | không nhìn thấy
        không có âm thanh | không có hình | tidak ada suara | tidak ada gambar | tidak mendengar apa
        tidak melihat apa | hör ingenting | ser ingenting | inget ljud | 听 不 到 | 听 不 见 | 聽 不 到
        聽 不 見 | 看 不 到 | 看 不 见 | 看 不 見 | 没 听 到 | 没 听 见 | 没 看 到 | 没 看 见 | 没 有 听 到
        没 有 看 到 | 没 有 任 何 声 音 | 没 有 任 何 画 面 | 没 有 音 频 | 没 有 图 像 | 没 有 视 频
        没 有 任 何 音 频 | 沒 有 聲 音 | 沒 有 畫 面 | 沒 有 任 何 聲 音 | 什 么 都 没 有 | 没 声 音 | 无 音 频
        黑 色 画 面 | 一 片 寂 静 | 画 面 全 黑 | 聞 こ え ま せ ん | 聞 こ え な い | 聴 こ え ま せ ん
        聞 き 取 れ ま せ ん | 見 え ま せ ん | 見 え な い | 音 が あ り ま せ ん | 音 声 が あ り ま せ ん
        音 は あ り ま せ ん | 音 が し ま せ ん | 映 像 が あ り ま せ ん | 無 音 | 真 っ 暗 | 真 っ 黒
        들리지 않습니다 | 들리지 않아요 | 들리지 않는다 | 들을 수 없습니다 | 들을 수 없어요 | 안 들립니다
        안 들려요 | 보이지 않습니다 | 보이지 않아요 | 보이지 않는다 | 볼 수 없습니다 | 볼 수 없어요 | 안 보입니다
        안 보여요 | 소리가 없습니다 | 소리가 없어요 | 소리가 나지 않습니다 | 아무 소리도 | 오디오가 없습니다
        화면이 없습니다 | 영상이 없습니다""",
}
# A sentence of these words alone abstains; inside a longer sentence they say nothing ("breaks the silence").
ALONE: dict[Abstention, frozenset[str]] = {
    Abstention.NONE: vocabulary(
        "none neither ninguno ninguna aucun aucune keine keiner keines nessuno nessuna nenhum nenhuma geen żadne"
    ),
    Abstention.UNKNOWN: vocabulary(
        "unknown unclear unsure uncertain undetermined indeterminate unidentifiable unidentified "
        "inconclusive unspecified idk abstain undefined null nan unrecognizable unrecognisable "
        "unbekannt unklar inconnu inconnue desconocido desconocida desconhecido sconosciuto неизвестно onbekend "
        "nieznane 모르겠습니다 모르겠어요 알수없음"
    ),
    Abstention.ABSENT: vocabulary(
        "nothing silence silent inaudible muted mute blank empty stille silencio silêncio silenzio тишина stilte cisza "
        "sessizlik rien nichts nada nulla niente ничего niets nic 없음 무음"
    ),
}


def phrases(blocks: dict[Abstention, str]) -> dict[tuple[str, ...], Abstention]:
    """Return the phrases of ``blocks`` as tuples of words, with their kinds."""
    return {
        tuple(split(clean(phrase)).words): kind
        for kind, block in blocks.items()
        for line in block.strip().splitlines()
        for phrase in line.split("|")
    }
