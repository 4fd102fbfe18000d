#!/bin/sh
# Makes the sample stream of this folder: 64 s of test pattern in 16 segments of 4 s, H.264 and AAC
# muxed in fragmented MP4, about 2.5 MB. The result is committed; run this only to change it.
#
# 64 s because 4 s are 187.5 AAC frames at 48 kHz: over 64 s both tracks end together, so that a live
# loop has no gap in either. No two segments are alike: each shows its number and a running clock, and
# each is heard by its own pitch.
#
# Needs ffmpeg with libx264 and drawtext, and two fonts of the DejaVu family (or SANS=, MONO= files).
set -eu
cd "$(dirname "$0")"

SANS=${SANS:-$(fc-match -f '%{file}' 'DejaVu Sans:bold')}
MONO=${MONO:-$(fc-match -f '%{file}' 'DejaVu Sans Mono:bold')}
SECONDS_TOTAL=64
SEGMENT_SECONDS=4
SEGMENTS=$((SECONDS_TOTAL / SEGMENT_SECONDS))

# The clock counts tenths; the bar at the foot fills once a segment, the dots above it once a stream.
ink='fontcolor=0xF4F7FB'
faint='fontcolor=0xA9C4D6'
clock="%{eif\:floor(t/60)\:d\:2}\:%{eif\:mod(floor(t)\,60)\:d\:2}.%{eif\:mod(floor(t*10)\,10)\:d\:1}"
number="%{eif\:floor(t/$SEGMENT_SECONDS)+1\:d\:2}"
text="drawtext=fontfile=$SANS:text='swarmline':x=36:y=32:fontsize=26:$ink"
text="$text,drawtext=fontfile=$SANS:text='sample stream':x=36:y=64:fontsize=15:$faint"
text="$text,drawtext=fontfile=$SANS:text='640 × 360 · 25 fps':x=w-tw-36:y=38:fontsize=15:$faint"
text="$text,drawtext=fontfile=$MONO:text='$clock':x=(w-tw)/2:y=128:fontsize=84:$ink"
text="$text,drawtext=fontfile=$SANS:text='segment $number of $SEGMENTS'"
text="$text:x=(w-tw)/2:y=238:fontsize=24:$ink"

dots=''
for index in $(seq 0 $((SEGMENTS - 1))); do
    x=$((80 + index * 30 + 6))
    dots="$dots,drawbox=x=$x:y=292:w=18:h=6:color=white@0.18:t=fill"
    dots="$dots,drawbox=x=$x:y=292:w=18:h=6:color=0x5EEAD4:t=fill"
    dots="$dots:enable='gte(t,$((index * SEGMENT_SECONDS)))'"
done

# Slow colour below, a moving grid above it so that every frame is another one.
picture="gradients=s=640x360:r=25:d=$SECONDS_TOTAL:n=4:seed=7:speed=0.012"
picture="$picture:c0=0x0B1F3A:c1=0x12506B:c2=0x3B2667:c3=0x0E3A4F:x0=40:y0=20:x1=600:y1=340[ground]"
bar="color=0x5EEAD4:s=480x6:r=25:d=$SECONDS_TOTAL[bar]"
slot="color=0x53667C:s=480x6:r=25:d=$SECONDS_TOTAL[slot]"
spot="color=white:s=96x96:r=25:d=$SECONDS_TOTAL,format=yuva420p"
spot="$spot,geq=lum=255:cb=128:cr=128:a='46*clip(1-hypot(X-47.5\,Y-47.5)/47\,0\,1)'[spot]"
frame="[ground]drawgrid=w=40:h=40:t=1:c=white@0.05[grid]"
spin="x='272+230*cos(2*PI*t/8)':y='128+96*sin(2*PI*t/8)'"
frame="$frame;[grid][spot]overlay=$spin:shortest=1[lit]"
fill="x='480*((mod(t,$SEGMENT_SECONDS)+0.04)/$SEGMENT_SECONDS-1)'"
frame="$frame;[slot][bar]overlay=$fill:shortest=1[gauge]"
frame="$frame;[lit][gauge]overlay=x=80:y=310:shortest=1[shown]"
frame="$frame;[shown]$text$dots,format=yuv420p[video]"

# The encoder puts one frame in front (its priming), so the sound is one frame short of 64 s.
# A soft tone each second, higher where a segment begins, a step of a scale for each segment.
pitch="220*pow(2\,mod(floor(t/$SEGMENT_SECONDS)*7\,12)/12)*(1+lt(mod(t\,$SEGMENT_SECONDS)\,1))"
sound="aevalsrc=0.16*sin(2*PI*t*$pitch)*exp(-6*mod(t\,1)):s=48000:d=63.9786"

rm -f init.mp4 segment-*.m4s media.m3u8
ffmpeg -hide_banner -loglevel warning -y -filter_complex "$picture;$bar;$slot;$spot;$frame" \
    -f lavfi -i "$sound" -map '[video]' -map 0:a \
    -c:v libx264 -preset veryslow -profile:v high -crf 19 -maxrate 290k -bufsize 580k \
    -g 100 -keyint_min 100 -sc_threshold 0 -bf 0 -c:a aac -b:a 40k -ac 1 \
    -map_metadata -1 -fflags +bitexact -flags:v +bitexact -flags:a +bitexact \
    -f hls -hls_time $SEGMENT_SECONDS -hls_playlist_type vod -hls_segment_type fmp4 \
    -hls_flags independent_segments -hls_fmp4_init_filename init.mp4 \
    -hls_segment_filename 'segment-%02d.m4s' -start_number 0 media.m3u8

# A player picks codecs and size from the master playlist before it has seen a byte of media.
cat > master.m3u8 <<'PLAYLIST'
#EXTM3U
#EXT-X-VERSION:7
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-STREAM-INF:BANDWIDTH=BW,RESOLUTION=640x360,FRAME-RATE=25.000,CODECS="avc1.64001e,mp4a.40.2"
media.m3u8
PLAYLIST
peak=$(ls -l segment-*.m4s | awk '{ if ($5 > most) most = $5 } END { print int(most * 8 / 4) }')
sed -i "s/BANDWIDTH=BW/BANDWIDTH=$peak/" master.m3u8
